import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse as parseQuery } from 'node:querystring';
import { AppError } from '../errors/app-error';
import { invalidRequest } from './http-errors';
import { invalidText, isStorableText } from './json-value';

/** More header fields than this are refused; Node's own limit is above it, since some versions drop what is past theirs. */
export const MAX_HEADERS = 128;

/** As Node tells it from others. */
const CONTINUE = /(?:^|\W)100-continue(?:\W|$)/i;

type QueryRequest = IncomingMessage & { query?: Readonly<Record<string, string>> };

export interface RequestTarget {
  path: string;
  /** Each parameter once. */
  query: Record<string, string>;
}

/**
 * Refuses what no honest client sends: too many headers, unknown expectations, absolute or malformed addresses, text in them that cannot be stored,
 * a query parameter given twice. Afterwards `request.query` is a plain record of strings.
 */
export function checkRequestTarget(request: QueryRequest, _response: ServerResponse, next: () => void): void {
  checkHeaderCount(request);
  checkExpectation(request);
  const { query } = parseRequestTarget(request.url ?? '');
  // Express has a getter there that parses anew each time.
  Object.defineProperty(request, 'query', {
    value: query,
    writable: true,
    configurable: true,
    enumerable: true,
  });
  next();
}

/**
 * Refuses what nobody here can promise (RFC 9110 §10.1.1). `readBody` answers to `100-continue`, the only expectation there is, once it wants the body.
 * @throws {AppError} `expectation_failed`
 */
function checkExpectation({ headers: { expect } }: IncomingMessage): void {
  if (expect === undefined || CONTINUE.test(expect)) return;
  throw new AppError(
    'expectation_failed',
    'expectation_failed',
    'The only expectation that is met is 100-continue.',
  );
}

/** @throws {AppError} `headers_too_large` */
export function checkHeaderCount({ rawHeaders }: IncomingMessage): void {
  if (rawHeaders.length / 2 <= MAX_HEADERS) return;
  throw new AppError('headers_too_large', 'headers_too_large', 'The request has too many headers.');
}

/**
 * The parts of a request's address; also for handshakes that no middleware sees.
 * @throws {AppError} `invalid_target`, `invalid_text`, `invalid_query`
 */
export function parseRequestTarget(url: string): RequestTarget {
  const [path, ...rest] = url.split('?');
  if (!path.startsWith('/')) throw invalidRequest('invalid_target', 'The request target must be a path.');
  const search = rest.join('?');
  checkDecoded(path);
  checkDecoded(search.replaceAll('+', ' '));
  return { path, query: toQuery(search) };
}

function checkDecoded(encoded: string): void {
  if (!isStorableText(decode(encoded))) throw invalidText();
}

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw invalidRequest('invalid_target', 'The request target is not valid percent-encoded UTF-8.');
  }
}

function toQuery(search: string): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, value] of Object.entries(parseQuery(search, '&', '=', { maxKeys: 100 }))) {
    if (typeof value !== 'string') throw repeatedParameter(name);
    if (name !== '__proto__') query[name] = value;
  }
  return query;
}

function repeatedParameter(name: string): AppError {
  const errors = [{ path: name, message: 'must be given once' }];
  return invalidRequest('invalid_query', 'A query parameter is given more than once.', errors);
}
