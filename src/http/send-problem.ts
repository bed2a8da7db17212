import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AppError } from '../errors/app-error';
import { STATUS_OF_KIND, toProblemBody } from '../errors/problem';
import { isRefusedTooOften } from './pipelined-requests';
import { requestIdOf } from './request-id';
import { discardRest, hasBody, isFragmented } from './unread-body';

export const PROBLEM_JSON = 'application/problem+json';

/** Answers with a problem, whether the body of the request was read or not. Must not be called once headers are sent. */
export function sendProblem(request: IncomingMessage, response: ServerResponse, error: AppError): void {
  const body = toProblemBody(error, pathOf(request), requestIdOf(request));
  const status = STATUS_OF_KIND[error.kind];
  const isTooMuch = isFragmented(request) || (status < 500 && isRefusedTooOften(request.socket));
  if (isTooMuch) response.setHeader('Connection', 'close');
  if (hasBody(request) && !request.complete) discardRest(request);
  response.statusCode = status;
  response.setHeader('Content-Type', PROBLEM_JSON);
  response.setHeader('Cache-Control', 'no-store');
  if (error.kind === 'unauthenticated') response.setHeader('WWW-Authenticate', 'Parley');
  if (error.retryAfterS !== undefined)
    response.setHeader('Retry-After', String(Math.ceil(error.retryAfterS)));
  for (const [name, value] of Object.entries(error.headers ?? {})) response.setHeader(name, value);
  response.end(JSON.stringify(body));
}

/** The path without its query, which may hold a ticket. */
export function pathOf(request: IncomingMessage & { originalUrl?: string }): string {
  return (request.originalUrl ?? request.url ?? '').replace(/[?#].*$/s, '');
}
