import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { idempotentRequestOf, type IdempotentRequest } from '../http/idempotency/idempotent-request';
import { resumeFrom } from '../streaming/resume-from.decorator';

/** The client of a POST that begins a reply: who it is, and what it has got already. */
export interface TurnClient {
  userId: string;
  /** The id of the last event it has. */
  lastEventId?: string;
  /** If the request may be repeated. */
  request?: IdempotentRequest;
}

/** Only on routes that are not public. */
export const Client = createParamDecorator((_data: unknown, context: ExecutionContext): TurnClient => {
  const request = context.switchToHttp().getRequest<Request & { userId?: string }>();
  if (request.userId === undefined) throw new Error('A public route has no user.');
  return {
    userId: request.userId,
    lastEventId: resumeFrom(request),
    request: idempotentRequestOf(request),
  };
});
