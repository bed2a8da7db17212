import type { IncomingMessage, ServerResponse } from 'node:http';
import { invalidRequest, unsupportedMediaType } from './http-errors';
import { checkStructure } from './json-structure';
import { checkValue } from './json-value';
import { hasBody } from './unread-body';

export const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;
const BODILESS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Refuses a body where the method has none, before anything else is done with the request. */
export function refuseUnexpectedBody(
  request: IncomingMessage,
  _response: ServerResponse,
  next: () => void,
): void {
  const { method = '' } = request;
  if (BODILESS.has(method) && hasBody(request))
    throw invalidRequest('unexpected_body', `A ${method} request must not have a body.`);
  next();
}

/**
 * Refuses every body but JSON in UTF-8 without a content encoding (or another type that the route takes), by its headers alone.
 * @throws {AppError} `unsupported_media_type`
 */
export function checkBodyHeaders({ headers }: IncomingMessage, type: RegExp): void {
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
    throw unsupportedMediaType('Compressed request bodies are not supported.');
  }
  if (!type.test(headers['content-type'] ?? '')) {
    throw unsupportedMediaType('The body must be application/json in UTF-8.');
  }
}

/** The body of a request; undefined if it turned out to be empty. */
export function readJsonBody(bytes: Buffer): object | undefined {
  return bytes.length === 0 ? undefined : parseJsonBody(bytes);
}

/**
 * Stricter than `express.json()`: bounded depth and number of values, no repeated or polluting keys, only text that can be stored.
 * @throws {AppError} with a code that says what is wrong, never the parser's words
 */
export function parseJsonBody(bytes: Uint8Array): object {
  const keys = checkStructure(bytes);
  const value = parse(decode(bytes));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidRequest('invalid_body', 'The body must be a JSON object.');
  }
  if (checkValue(value) !== keys) throw invalidRequest('duplicate_key', 'The body has the same key twice.');
  return value;
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
