import { HttpException } from '@nestjs/common';
import { toAppError as databaseErrorToAppError } from '../database/database-error';
import { AppError, type ErrorKind } from '../errors/app-error';
import type { ErrorCode } from '../errors/error-codes';

/** What we say about a status that a library chose; its own words are never shown. */
const BY_STATUS: Record<number, readonly [ErrorKind, ErrorCode, string]> = {
  400: ['invalid', 'invalid_request', 'The request is malformed.'],
  401: ['unauthenticated', 'unauthenticated', 'The request carries no valid identity.'],
  403: ['forbidden', 'forbidden', 'This is not allowed.'],
  404: ['not_found', 'route_not_found', 'There is nothing at this address.'],
  405: ['method_not_allowed', 'method_not_allowed', 'This address does not support the method.'],
  406: ['not_acceptable', 'not_acceptable', 'No acceptable representation.'],
  408: ['timed_out', 'request_timeout', 'The request took too long to come.'],
  409: ['conflict', 'conflict', 'The request conflicts with the present state.'],
  413: ['too_large', 'body_too_large', 'The request is too large.'],
  415: ['unsupported_media_type', 'unsupported_media_type', 'The media type is not supported.'],
  429: ['rate_limited', 'rate_limited', 'Too many requests.'],
  431: ['headers_too_large', 'headers_too_large', 'The request headers are too large.'],
  503: ['unavailable', 'unavailable', 'The service is not available at the moment.'],
};

/** Turns whatever was thrown into an error that is safe to answer with; what nobody expected becomes `internal_error`. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return fromStatus(error) ?? databaseErrorToAppError(error) ?? unexpected(error);
}

function fromStatus(error: unknown): AppError | undefined {
  const status = statusOf(error);
  if (status === undefined || status < 400 || (status >= 500 && status !== 503)) return undefined;
  const [kind, code, detail] = BY_STATUS[status] ?? BY_STATUS[400];
  return new AppError(kind, code, detail, {
    cause: error,
    ...(kind === 'unavailable' && { retryAfterS: 5 }),
  });
}

/** The status of Nest's and the `http-errors` family's exceptions; multer's have none, but are always the request's fault. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'MulterError')
    return 'code' in error && String(error.code).startsWith('LIMIT_') ? 413 : 400;
  return 'statusCode' in error && typeof error.statusCode === 'number' && 'expose' in error
    ? error.statusCode
    : undefined;
}

function unexpected(cause: unknown): AppError {
  return new AppError('internal', 'internal_error', 'Something went wrong on our side.', { cause });
}
