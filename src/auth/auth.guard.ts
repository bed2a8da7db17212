import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { methodNotAllowed } from '../http/http-errors';
import type { AuthenticatedRequest } from './authenticated-request';
import { Authenticator } from './authenticator';
import type { Identity, Scope } from './identity';
import { assertAdmin, assertScope } from './permissions';
import { PUBLIC_ROUTE } from './public.decorator';
import { ADMIN_ROUTE, SCOPE_OF_ROUTE } from './route-rules.decorator';
import { STREAM_ROUTE } from './stream-route.decorator';

/** Guards every route of the application: what is not marked public needs an identity, and one that may do this. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.markOf(PUBLIC_ROUTE, context)) return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const identity = this.markOf(STREAM_ROUTE, context)
      ? await this.identifyStream(request)
      : await this.authenticator.identify(request);
    request.identity = identity;
    request.userId = identity.userId;
    assertScope(identity, this.markOf(SCOPE_OF_ROUTE, context) as Scope | undefined);
    if (this.markOf(ADMIN_ROUTE, context)) assertAdmin(identity);
    return true;
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
