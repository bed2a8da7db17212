import type { Logger } from '@nestjs/common';
import type { AppError } from '../errors/app-error';
import { STATUS_OF_KIND } from '../errors/problem';

/** Logs a refusal that is our own fault, or that of what we depend on. The caller's faults are the caller's. */
export function logFailure(logger: Logger, error: AppError): void {
  if (error.kind === 'internal') logger.error({ err: error.cause ?? error, msg: 'unexpected error' });
  else if (STATUS_OF_KIND[error.kind] >= 500)
    logger.warn({ err: error.cause ?? error, code: error.code, msg: error.message });
}
