import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { ValidateIf } from 'class-validator';

/**
 * The field may be left out, and `null` is as if it were: clients of many languages write it for what they do not set. `@IsOptional()`
 * is for fields whose `null` means something, such as a title that is cleared, and for queries, which have no `null`.
 */
export const MayBeAbsent = (): PropertyDecorator =>
  applyDecorators(
    Transform(({ value }: { value: unknown }) => value ?? undefined),
    ValidateIf((_object, value) => value !== undefined),
  );
