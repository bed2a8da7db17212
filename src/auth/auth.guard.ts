import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { methodNotAllowed } from '../http/http-errors';
import type { AuthenticatedRequest } from './authenticated-request';
import { Authenticator } from './authenticator';
import { PUBLIC_ROUTE } from './public.decorator';
import { STREAM_ROUTE } from './stream-route.decorator';

/** Guards every route of the application: what is not marked public needs an identity. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.isMarked(PUBLIC_ROUTE, context)) return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    request.userId = this.isMarked(STREAM_ROUTE, context)
      ? await this.authenticateStream(request)
      : await this.authenticator.authenticate(request);
    return true;
  }

  /** A HEAD would open a stream that nobody reads. */
  private async authenticateStream(request: AuthenticatedRequest): Promise<string> {
    if (request.method === 'HEAD') throw methodNotAllowed(['GET']);
    const { ticket, user_id, ...query } = request.query;
    request.query = query;
    return this.authenticator.authenticateStream(request, {
      ...(ticket !== undefined && { ticket }),
      ...(user_id !== undefined && { user_id }),
    });
  }

  private isMarked(key: symbol, context: ExecutionContext): boolean {
    const targets = [context.getHandler(), context.getClass()];
    return this.reflector.getAllAndOverride<true | undefined>(key, targets) ?? false;
  }
}
