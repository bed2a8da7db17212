import { Injectable, Optional, type PipeTransform } from '@nestjs/common';
import type { AppError } from '../errors/app-error';
import { idNotFound } from './http-errors';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether the text is a UUID in its canonical form, in either case. */
export function isCanonicalUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}

/**
 * An id in the path, in lower case. Anything that is not a canonical UUID cannot be the id of something, so it gets the same
 * answer as an unknown id. Controllers use it by `PathId`, which documents the parameter as well.
 */
@Injectable()
export class ParseId implements PipeTransform<unknown, string> {
  constructor(@Optional() private readonly notFound: () => AppError = idNotFound) {}

  transform(value: unknown): string {
    if (!isCanonicalUuid(value)) throw this.notFound();
    return value.toLowerCase();
  }
}
