import type { ErrorCode } from '../../errors/error-codes';
import type { ErrorKind } from '../../errors/app-error';

export interface ProblemDocumentation {
  code: ErrorCode;
  detail: string;
  /** When it happens. */
  description: string;
}

/** Exhaustive, so that a new kind of error cannot go undocumented. */
export const PROBLEM_DOCUMENTATION: Record<ErrorKind, ProblemDocumentation> = {
  invalid: {
    code: 'validation_failed',
    detail: 'Some fields are not valid.',
    description: 'The request has the wrong shape.',
  },
  unauthenticated: {
    code: 'unauthenticated',
    detail: 'The request carries no identity.',
    description: 'No valid identity.',
  },
  forbidden: {
    code: 'forbidden',
    detail: 'This is not allowed.',
    description: 'The role does not allow it.',
  },
  not_found: {
    code: 'not_found',
    detail: 'There is nothing with this id.',
    description: 'It does not exist, or it is not yours.',
  },
  method_not_allowed: {
    code: 'method_not_allowed',
    detail: 'This address does not support the method.',
    description: 'Wrong method.',
  },
  not_acceptable: {
    code: 'not_acceptable',
    detail: 'No acceptable representation.',
    description: 'The `Accept` header excludes what there is.',
  },
  timed_out: {
    code: 'request_timeout',
    detail: 'The body took too long to come.',
    description: 'The request took too long to come.',
  },
  conflict: {
    code: 'conflict',
    detail: 'The request conflicts with the present state.',
    description: 'The present state does not allow it.',
  },
  gone: {
    code: 'resource_gone',
    detail: 'It has been deleted.',
    description: 'It was there and has been deleted.',
  },
  precondition_failed: {
    code: 'precondition_failed',
    detail: 'It was changed in the meantime.',
    description: '`If-Match` is not the current `ETag`.',
  },
  too_large: {
    code: 'body_too_large',
    detail: 'The request is too large.',
    description: 'The body is too large.',
  },
  unsupported_media_type: {
    code: 'unsupported_media_type',
    detail: 'The body must be application/json in UTF-8.',
    description: 'The body is not plain JSON in UTF-8.',
  },
  expectation_failed: {
    code: 'expectation_failed',
    detail: 'The only expectation that is met is 100-continue.',
    description: 'The `Expect` header asks for something unknown.',
  },
  key_reused: {
    code: 'idempotency_key_reused',
    detail: 'This Idempotency-Key was used with another body.',
    description: 'The idempotency key was used with another body.',
  },
  rate_limited: {
    code: 'rate_limited',
    detail: 'Too many requests.',
    description: 'Too many requests; see `Retry-After`.',
  },
  headers_too_large: {
    code: 'headers_too_large',
    detail: 'The request has too many headers.',
    description: 'The headers are too large.',
  },
  internal: {
    code: 'internal_error',
    detail: 'Something went wrong on our side.',
    description: 'A fault of the service.',
  },
  provider_failed: {
    code: 'provider_failed',
    detail: 'The model provider failed.',
    description: 'The model provider failed.',
  },
  unavailable: {
    code: 'unavailable',
    detail: 'The service is not available at the moment.',
    description: 'Try again after `Retry-After` seconds.',
  },
  provider_timeout: {
    code: 'provider_timeout',
    detail: 'The model did not answer in time.',
    description: 'The model did not answer in time.',
  },
};
