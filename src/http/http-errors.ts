import type { ErrorCode } from '../errors/error-codes';
import { AppError, type FieldError } from '../errors/app-error';

/** Refusals that belong to the transport rather than to a feature. */

export function invalidRequest(code: ErrorCode, detail: string, errors?: FieldError[]): AppError {
  return new AppError('invalid', code, detail, { errors });
}

export function methodNotAllowed(methods: readonly string[]): AppError {
  return new AppError(
    'method_not_allowed',
    'method_not_allowed',
    'This address does not support the method.',
    {
      headers: { Allow: methods.join(', ') },
    },
  );
}

export function routeNotFound(): AppError {
  return new AppError('not_found', 'route_not_found', 'There is nothing at this address.');
}

/** What an id that cannot exist gets: the same answer as one that does not. */
export function idNotFound(): AppError {
  return new AppError('not_found', 'not_found', 'There is nothing with this id.');
}

export function bodyTooLarge(limitBytes: number): AppError {
  return new AppError('too_large', 'body_too_large', `The body must not be larger than ${limitBytes} bytes.`);
}

export function unsupportedMediaType(detail: string): AppError {
  return new AppError('unsupported_media_type', 'unsupported_media_type', detail);
}

export function tooManyPieces(): AppError {
  return new AppError('invalid', 'too_many_pieces', 'The body comes in too many small pieces.');
}

export function bodyTooSlow(): AppError {
  return new AppError('timed_out', 'request_timeout', 'The body took too long to come.');
}

export function tooManyUploads(): AppError {
  return new AppError('rate_limited', 'too_many_uploads', 'Too many unfinished requests of this network.', {
    retryAfterS: 1,
  });
}

export function overloaded(): AppError {
  return new AppError('unavailable', 'overloaded', 'The service has too much to do; try again.', {
    retryAfterS: 1,
  });
}
