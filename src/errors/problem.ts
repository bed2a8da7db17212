import { STATUS_CODES } from 'node:http';
import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import type { AppError, ErrorKind } from './app-error';
import { ApiErrorCode } from './api-error-code';
import type { ErrorCode } from './error-codes';

/** Exhaustive: a kind without a status does not compile. */
export const STATUS_OF_KIND = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  timed_out: 408,
  conflict: 409,
  gone: 410,
  precondition_failed: 412,
  too_large: 413,
  unsupported_media_type: 415,
  expectation_failed: 417,
  key_reused: 422,
  rate_limited: 429,
  headers_too_large: 431,
  internal: 500,
  provider_failed: 502,
  unavailable: 503,
  provider_timeout: 504,
} as const satisfies Record<ErrorKind, number>;

@ApiSchema({ name: 'FieldError' })
class ProblemFieldError {
  @ApiProperty({
    description: 'Where: the full path inside the body, or the name of a query parameter.',
    example: 'settings.stop[0]',
  })
  path!: string;

  @ApiProperty({ description: 'What is wrong there.', example: 'must be a string' })
  message!: string;
}

/** The one public shape of an error (RFC 9457), sent as `application/problem+json`. */
@ApiSchema({ name: 'Problem' })
export class ProblemBody {
  @ApiProperty({ description: 'Always `about:blank`: `code` tells errors apart.', example: 'about:blank' })
  type!: string;

  @ApiProperty({ description: 'The name of the HTTP status.', example: 'Not Found' })
  title!: string;

  @ApiProperty({ description: 'The HTTP status.', example: 404, type: 'integer' })
  status!: number;

  @ApiErrorCode('conversation_not_found', 'A stable word that programs may switch on.')
  code!: ErrorCode;

  @ApiProperty({
    description: 'An explanation that may be shown to people.',
    example: 'No conversation with this id.',
  })
  detail!: string;

  @ApiProperty({
    description: 'The path that was asked for.',
    example: '/api/v1/conversations/0193a1c2-7d3e-7000-8000-000000000000',
  })
  instance!: string;

  @ApiProperty({
    description: 'Also in the `X-Request-Id` header and on every log line.',
    example: 'req_1f0b8c52a9d34e6f',
  })
  request_id!: string;

  @ApiPropertyOptional({
    description: 'What is wrong with the request, field by field.',
    type: [ProblemFieldError],
  })
  errors?: ProblemFieldError[];
}

/** The public body of an error; nothing of its cause or stack is in it. */
export function toProblemBody(error: AppError, instance: string, requestId: string): ProblemBody {
  const status = STATUS_OF_KIND[error.kind];
  return {
    ...error.extensions,
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code: error.code,
    detail: error.message,
    instance,
    request_id: requestId,
    ...(error.errors && { errors: error.errors }),
  };
}
