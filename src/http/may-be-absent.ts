import { ValidateIf } from 'class-validator';

/** The field may be left out, but not be null. `@IsOptional()` is for fields that may be null as well. */
export const MayBeAbsent = (): PropertyDecorator => ValidateIf((_object, value) => value !== undefined);
