import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { LocatedRequest } from '../http/client-address';
import { requestIdOf } from '../http/request-id';

/** Where a request came from, for the record. */
export interface RequestOrigin {
  address?: string;
  requestId?: string;
}

export function originOf(request: LocatedRequest): RequestOrigin {
  return { address: request.clientAddress, requestId: requestIdOf(request) };
}

export const Origin = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  originOf(context.switchToHttp().getRequest<LocatedRequest>()),
);
