import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { ServerResponse } from 'node:http';
import { AppConfig } from '../config/app-config';
import { BodyMemory } from './body-memory';
import { type LocatedRequest, networkOfClient } from './client-address';
import { FORM_TYPE, parseFormBody } from './form-body';
import { checkBodyHeaders, JSON_TYPE, readJsonBody } from './json-body';
import { readBody } from './read-body';
import { hasBody } from './unread-body';

const FORM_ROUTE = Symbol('route that takes forms');

/** For a route where a standard asks for forms: it takes them besides JSON. */
export const AcceptsForm = () => SetMetadata(FORM_ROUTE, true);

/**
 * Reads the body of a request, after `AuthGuard` and before pipes, interceptors and handler see it. Nothing is collected for somebody who
 * is refused: for want of an identity, by a limit of network, identity or route, or because there is no such route. What needs the body
 * (validation, guesses at a name) comes afterwards. The rest of a refused body is thrown away by `sendProblem`.
 *
 * Every route is read as JSON, whether its handler has a body or not. One that takes something else is marked, as by `AcceptsForm`; one
 * whose handler reads the request itself, because it is longer than memory should hold, is marked to be left alone here, so that its guards
 * still come before its body. Its handler bounds bytes and time; pieces are bounded for every request (`limitPieces`).
 */
@Injectable()
export class BodyGuard implements CanActivate {
  constructor(
    private readonly config: AppConfig,
    private readonly memory: BodyMemory,
    private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<LocatedRequest & { body?: unknown }>();
    return !hasBody(request) || this.read(context, request);
  }

  private async read(
    context: ExecutionContext,
    request: LocatedRequest & { body?: unknown },
  ): Promise<boolean> {
    const response = context.switchToHttp().getResponse<ServerResponse>();
    const takesForms = this.reflector.get<boolean | undefined>(FORM_ROUTE, context.getHandler());
    const isForm = takesForms && FORM_TYPE.test(request.headers['content-type'] ?? '');
    checkBodyHeaders(request, isForm ? FORM_TYPE : JSON_TYPE);
    const limitBytes = this.config.http.bodyLimitBytes;
    const bytes = await readBody(request, response, {
      limitBytes,
      share: this.memory.shareOf(networkOfClient(request)),
    });
    request.body = isForm ? parseFormBody(bytes) : readJsonBody(bytes);
    return true;
  }
}
