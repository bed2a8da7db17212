import { registerDecorator } from 'class-validator';

export const METADATA_MAX_PAIRS = 16;
const MAX_KEY = 64;
const MAX_VALUE = 512;

/** Property decorator: at most 16 pairs of texts, keys of 1 to 64 characters, values of up to 512. */
export function IsMetadata(): PropertyDecorator {
  return (target, propertyName) =>
    registerDecorator({
      name: 'isMetadata',
      target: target.constructor,
      propertyName: propertyName as string,
      validator: {
        validate: isMetadata,
        defaultMessage: () =>
          `must be an object of at most ${METADATA_MAX_PAIRS} texts of up to ${MAX_VALUE} characters, with keys of up to ${MAX_KEY}`,
      },
    });
}

function isMetadata(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const pairs = Object.entries(value);
  return pairs.length <= METADATA_MAX_PAIRS && pairs.every(isPair);
}

function isPair([key, value]: [string, unknown]): boolean {
  return key.length >= 1 && key.length <= MAX_KEY && typeof value === 'string' && value.length <= MAX_VALUE;
}
