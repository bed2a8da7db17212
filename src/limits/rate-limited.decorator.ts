import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ProblemResponses } from '../http/openapi/problem-responses';

/**
 * `register` (which resets of passwords count as), `login`: together per network, on top of the general limit; at `login` the handler decides what becomes of who is beyond it
 * (`LoginRefusal`). `shared`: what anybody may read, per network. `password`: as many as logins, per identity. `chat`: per identity. `stream`: following is cheap and not counted per identity.
 */
export type RouteLimit = 'register' | 'login' | 'shared' | 'password' | 'chat' | 'stream';

export const ROUTE_LIMIT = Symbol('limit of a route');

/** Which limit a route has besides the general ones. */
export function RateLimited(limit: RouteLimit) {
  return applyDecorators(SetMetadata(ROUTE_LIMIT, limit), ProblemResponses('rate_limited'));
}
