import type { ErrorCode } from './error-codes';

/** What went wrong, in terms of the caller; each kind has one HTTP status (`problem.ts`). */
export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'not_acceptable'
  | 'timed_out'
  | 'conflict'
  | 'gone'
  | 'precondition_failed'
  | 'too_large'
  | 'headers_too_large'
  | 'unsupported_media_type'
  | 'expectation_failed'
  | 'key_reused'
  | 'rate_limited'
  | 'provider_failed'
  | 'provider_timeout'
  | 'unavailable'
  | 'internal';

/** One thing that is wrong with a request: where (`settings.stop[0]`) and what. */
export interface FieldError {
  path: string;
  message: string;
}

export interface AppErrorOptions extends ErrorOptions {
  errors?: FieldError[];
  /** Seconds for `Retry-After`. */
  retryAfterS?: number;
  /** Further members of the problem body, such as the ids of what was kept. */
  extensions?: Record<string, string>;
  /** Response headers that belong to this answer, such as `Allow`. */
  headers?: Record<string, string>;
}

/** An expected failure. `code` is stable and for machines, `message` is safe to show to anybody. */
export class AppError extends Error {
  readonly errors?: FieldError[];
  readonly retryAfterS?: number;
  readonly extensions?: Record<string, string>;
  readonly headers?: Record<string, string>;

  constructor(
    readonly kind: ErrorKind,
    readonly code: ErrorCode,
    message: string,
    options: AppErrorOptions = {},
  ) {
    super(message, options);
    this.name = 'AppError';
    this.errors = options.errors;
    this.retryAfterS = options.retryAfterS;
    this.extensions = options.extensions;
    this.headers = options.headers;
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof AppError && error.kind === 'not_found';
}
