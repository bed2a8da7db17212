import type { IncomingMessage, ServerResponse } from 'node:http';
import { invalidRequest, unsupportedMediaType } from './http-errors';
import { checkStructure } from './json-structure';
import { checkValue } from './json-value';
import { parseFormBody } from './form-body';
import { readBody } from './read-body';
import { pathOf } from './send-problem';

const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;
const BODILESS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

type JsonRequest = IncomingMessage & { body?: unknown };

/**
 * Parses JSON bodies and refuses everything else, before any route runs. Stricter than `express.json()`: only UTF-8 without
 * a content encoding, bounded depth and number of keys, no repeated or polluting keys, only text that can be stored.
 * Without a body `request.body` is undefined. At the paths where a standard asks for forms, these are read as well.
 */
export function jsonBody(limitBytes: number, formPaths: readonly string[] = []) {
  const isForm = (request: IncomingMessage) =>
    formPaths.includes(pathOf(request)) && FORM_TYPE.test(request.headers['content-type'] ?? '');
  return async (request: JsonRequest, _response: ServerResponse, next: () => void): Promise<void> => {
    if (!hasBody(request)) request.body = undefined;
    else if (isForm(request)) request.body = parseFormBody(await read(request, FORM_TYPE, limitBytes));
    else request.body = await readJson(request, limitBytes);
    next();
  };
}

async function readJson(request: IncomingMessage, limitBytes: number): Promise<unknown> {
  const bytes = await read(request, JSON_TYPE, limitBytes);
  return bytes.length === 0 ? undefined : parseJsonBody(bytes);
}

async function read(request: IncomingMessage, type: RegExp, limitBytes: number): Promise<Buffer> {
  checkHeaders(request, type);
  return readBody(request, limitBytes);
}

/** @throws {AppError} with a code that says what is wrong, never the parser's words */
export function parseJsonBody(bytes: Uint8Array): object {
  const keys = checkStructure(bytes);
  const value = parse(decode(bytes));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidRequest('invalid_body', 'The body must be a JSON object.');
  }
  if (checkValue(value) !== keys) throw invalidRequest('duplicate_key', 'The body has the same key twice.');
  return value;
}

function checkHeaders({ method = '', headers }: IncomingMessage, type: RegExp): void {
  if (BODILESS.has(method))
    throw invalidRequest('unexpected_body', `A ${method} request must not have a body.`);
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
    throw unsupportedMediaType('Compressed request bodies are not supported.');
  }
  if (!type.test(headers['content-type'] ?? '')) {
    throw unsupportedMediaType('The body must be application/json in UTF-8.');
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalidRequest('invalid_encoding', 'The body is not valid UTF-8.');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidRequest('invalid_json', 'The body is not valid JSON.');
  }
}
