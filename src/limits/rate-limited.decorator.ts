import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ProblemResponses } from '../http/openapi/problem-responses';

/** `login`: per network, on top of the general limit. `chat`: per identity. `stream`: following is cheap and not counted per identity. */
export type RouteLimit = 'login' | 'chat' | 'stream';

export const ROUTE_LIMIT = Symbol('limit of a route');

/** Which limit a route has besides the general ones. */
export function RateLimited(limit: RouteLimit) {
  return applyDecorators(SetMetadata(ROUTE_LIMIT, limit), ProblemResponses('rate_limited'));
}
