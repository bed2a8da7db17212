import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { idempotentRequestOf, type IdempotentRequest } from '../http/idempotency/idempotent-request';
import { fullTextOf } from './full-text';
import { validationFailed } from '../http/validation.pipe';
import { resumeFrom } from '../streaming/resume-from';

/** Reader of a stream of reply events: its user, the last event that it has, and its options for the rest. */
export interface StreamReader {
  userId: string;
  /** Id of the last event that the reader has received. */
  lastEventId?: string;
  /** Whether the reader takes an `end` event of any length. */
  fullText: boolean;
}

/** The client of a POST that starts a reply, and reads it. */
export interface TurnClient extends StreamReader {
  /** Present if the request may be repeated. */
  request?: IdempotentRequest;
}

/** Parameter decorator for routes that are not public. */
export const Reader = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  readerOf(context.switchToHttp().getRequest<UserRequest>()),
);

/** Parameter decorator for routes that are not public. */
export const Client = createParamDecorator((_data: unknown, context: ExecutionContext): TurnClient => {
  const request = context.switchToHttp().getRequest<UserRequest>();
  return { ...readerOf(request), request: idempotentRequestOf(request) };
});

/** Reader of a user's feed. */
export interface FeedReader extends StreamReader {
  /** Whether the feed has the events of running replies as well. */
  chunks: boolean;
}

export const invalidInclude = () => validationFailed([{ path: 'include', message: 'must be chunks' }]);

/** Parameter decorator for routes that are not public. @throws AppError `validation_failed` */
export const ReaderOfFeed = createParamDecorator((_data: unknown, context: ExecutionContext): FeedReader => {
  const request = context.switchToHttp().getRequest<UserRequest>();
  const { include } = request.query;
  if (include !== undefined && include !== 'chunks') throw invalidInclude();
  return { ...readerOf(request), chunks: include !== undefined };
});

type UserRequest = Request & { userId?: string };

function readerOf(request: UserRequest): StreamReader {
  if (request.userId === undefined) throw new Error('A public route has no user.');
  return {
    userId: request.userId,
    lastEventId: resumeFrom(request),
    fullText: fullTextOf(request),
  };
}
