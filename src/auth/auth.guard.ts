import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { ServerResponse } from 'node:http';
import { networkOfClient } from '../http/client-address';
import { methodNotAllowed } from '../http/http-errors';
import { EXPENSIVE } from '../limits/expensive.decorator';
import { OpenAnswers } from '../limits/open-answers';
import { ROUTE_LIMIT, type RouteLimit } from '../limits/rate-limited.decorator';
import { RequestLimits } from '../limits/request-limits';
import { ConcurrentRequests, type RequestKind } from '../limits/concurrent-requests';
import { STAYS_OPEN } from '../limits/stays-open.decorator';
import type { AuthenticatedRequest } from './authenticated-request';
import { Authenticator } from './authenticator';
import type { Identity, Scope } from './identity';
import { assertAdmin, assertScope } from './permissions';
import { PUBLIC_ROUTE } from './public.decorator';
import { REFRESH_COOKIE_ROUTE } from './refresh-cookie.decorator';
import { ADMIN_ROUTE, SCOPE_OF_ROUTE } from './route-rules.decorator';
import { STREAM_ROUTE } from './stream-route.decorator';

/** Guards every route of the application: what is not marked public needs an identity, and one that may do this. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly limits: RequestLimits,
    private readonly openAnswers: OpenAnswers,
    private readonly requests: ConcurrentRequests,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const response = context.switchToHttp().getResponse<ServerResponse>();
    const limit = this.markOf(ROUTE_LIMIT, context) as RouteLimit | undefined;
    if (limit === 'register' || limit === 'login') {
      request.loginRefusal = await this.limits.loginRefusal(request, response);
      if (request.loginRefusal && limit === 'register') throw request.loginRefusal;
      return true;
    }
    if (limit === 'shared') await this.limits.checkShared(request, response);
    if (this.markOf(PUBLIC_ROUTE, context)) {
      // What is shared is as expensive as what users read, and has no user to be counted for.
      const network = limit === 'shared' ? networkOfClient(request) : undefined;
      if (network !== undefined)
        request.onStreamOpened = await this.requests.enter(
          `at ${network}`,
          request.socket,
          response,
          'expensive',
        );
      return true;
    }
    const identity = await this.identify(request, context);
    request.identity = identity;
    request.userId = identity.userId;
    await this.limits.checkIdentity(identity.userId, limit, response);
    assertScope(identity, this.markOf(SCOPE_OF_ROUTE, context) as Scope | undefined);
    if (this.markOf(ADMIN_ROUTE, context)) assertAdmin(identity);
    // Last of all: what is refused for another reason does not last.
    const staysOpen = this.markOf(STAYS_OPEN, context) === true;
    if (staysOpen) this.openAnswers.hold(identity.userId, request.socket, response);
    const kind = this.kindOf(request, staysOpen, context);
    if (kind)
      request.onStreamOpened = await this.requests.enter(identity.userId, request.socket, response, kind);
    return true;
  }

  /** As what the request counts; a POST that stays open does not, since the replies of a user that run are bounded. */
  private kindOf(
    { method }: AuthenticatedRequest,
    staysOpen: boolean,
    context: ExecutionContext,
  ): RequestKind | undefined {
    if (this.markOf(EXPENSIVE, context)) return 'expensive';
    if (!staysOpen) return 'other';
    return method === 'GET' ? 'opening' : undefined;
  }

  private identify(request: AuthenticatedRequest, context: ExecutionContext): Promise<Identity> {
    if (this.markOf(STREAM_ROUTE, context)) return this.identifyStream(request);
    if (this.markOf(REFRESH_COOKIE_ROUTE, context)) return this.authenticator.identifyByCookie(request);
    return this.authenticator.identify(request);
  }

  /** A HEAD would open a stream that nobody reads. */
  private async identifyStream(request: AuthenticatedRequest): Promise<Identity> {
    if (request.method === 'HEAD') throw methodNotAllowed(['GET']);
    const { ticket, user_id, ...query } = request.query;
    request.query = query;
    return this.authenticator.identifyStream(request, {
      ...(ticket !== undefined && { ticket }),
      ...(user_id !== undefined && { user_id }),
    });
  }

  private markOf(key: symbol, context: ExecutionContext): unknown {
    return this.reflector.getAllAndOverride(key, [context.getHandler(), context.getClass()]);
  }
}
