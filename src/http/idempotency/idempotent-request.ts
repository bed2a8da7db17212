import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { Request } from 'express';
import { createHash } from 'node:crypto';
import { AppError } from '../../errors/app-error';
import { invalidRequest } from '../http-errors';
import { documentedParam } from '../openapi/documented-param';
import { ProblemResponses } from '../openapi/problem-responses';

/** A request that may be repeated without being done twice. */
export interface IdempotentRequest {
  userId: string;
  key: string;
  /** SHA-256 of method, path and body. */
  hash: Buffer;
}

const KEY = /^[\x21-\x7e]{1,255}$/;

export const keyReused = () =>
  new AppError('key_reused', 'idempotency_key_reused', 'This Idempotency-Key was used with another request.');

export const resourceGone = () =>
  new AppError('gone', 'resource_gone', 'What this Idempotency-Key was used for has been deleted.');

/** What is asked for; the body as it was sent. */
export interface RequestedWork {
  method: string;
  path: string;
  body?: unknown;
}

/** The request, if it carries an `Idempotency-Key`. */
export function idempotentRequestOf(request: Request & { userId?: string }): IdempotentRequest | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined || request.userId === undefined) return undefined;
  return idempotentRequest(request.userId, key, request);
}

/** @throws AppError `invalid_idempotency_key` */
export function idempotentRequest(userId: string, key: unknown, work: RequestedWork): IdempotentRequest {
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw invalidRequest(
      'invalid_idempotency_key',
      'Idempotency-Key must be 1 to 255 visible ASCII characters.',
    );
  }
  return { userId, key, hash: hashOf(work) };
}

const RepeatableRequest = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  idempotentRequestOf(context.switchToHttp().getRequest<Request>()),
);

/** Parameter decorator: the request, if it carries an `Idempotency-Key`, which is documented. Only on routes that are not public. */
export const Idempotent = () => documentedParam(RepeatableRequest(), ApiIdempotent());

function hashOf({ method, path, body }: RequestedWork): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([method, path, body ?? {}]))
    .digest();
}

/** Documents the header. */
export const ApiIdempotent = () =>
  applyDecorators(
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      schema: { type: 'string', minLength: 1, maxLength: 255 },
      description:
        'The same key and body do the same thing once, for at least 24 hours; another body is refused. A repetition answers what was ' +
        'made, as it is now, or 410 if it has been deleted.',
    }),
    ProblemResponses(keyReused, resourceGone),
  );
