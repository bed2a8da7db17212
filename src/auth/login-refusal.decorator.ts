import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AppError } from '../errors/app-error';
import type { AuthenticatedRequest } from './authenticated-request';

/**
 * What the network's limit of logins refuses this request with; undefined while it is not used up. The handler throws it, unless who
 * logs in is known from there.
 */
export const LoginRefusal = createParamDecorator(
  (_data: unknown, context: ExecutionContext): AppError | undefined =>
    context.switchToHttp().getRequest<AuthenticatedRequest>().loginRefusal,
);
