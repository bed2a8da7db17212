import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request, Response } from 'express';
import { idempotentRequestOf, type IdempotentRequest } from '../../http/idempotency/idempotent-request';
import { resumeFrom } from './resume-from.decorator';

/** The client of a POST that begins a reply: who it is, what it has got already, and where the answer goes. */
export interface TurnClient {
  userId: string;
  /** The id of the last event it has. */
  lastEventId?: string;
  /** If the request may be repeated. */
  request?: IdempotentRequest;
  response: Response;
}

/** Only on routes that are not public. */
export const Client = createParamDecorator((_data: unknown, context: ExecutionContext): TurnClient => {
  const http = context.switchToHttp();
  const request = http.getRequest<Request & { userId?: string }>();
  if (request.userId === undefined) throw new Error('A public route has no user.');
  return {
    userId: request.userId,
    lastEventId: resumeFrom(request),
    request: idempotentRequestOf(request),
    response: http.getResponse<Response>(),
  };
});
