import type { IncomingMessage, ServerResponse } from 'node:http';
import { randomHex } from '../common/ids';

const VALID_ID = /^[A-Za-z0-9_.:-]{1,128}$/;
const ids = new WeakMap<IncomingMessage, string>();

/** Gives each request its id, the client's own if it is harmless in logs and headers, and echoes it. */
export function assignRequestId(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  const offered = request.headers['x-request-id'];
  const id = typeof offered === 'string' && VALID_ID.test(offered) ? offered : newRequestId();
  ids.set(request, id);
  response.setHeader('X-Request-Id', id);
  next();
}

export function requestIdOf(request: IncomingMessage): string {
  return ids.get(request) ?? 'req_unknown';
}

export function newRequestId(): string {
  return `req_${randomHex(8)}`;
}
