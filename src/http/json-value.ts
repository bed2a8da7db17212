import type { FieldError } from '../errors/app-error';
import { invalidRequest } from './http-errors';

/** Names that objects have by themselves: a field with one is taken for a method, or changes how the object works. */
const isOwnedByObjects = (key: string) => key in Object.prototype || key === 'prototype';
const INVALID_TEXT = 'The request holds text that cannot be stored: U+0000 or half of a surrogate pair.';

/** Text that PostgreSQL and UTF-8 can hold. */
export function isStorableText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

export function invalidText(path?: string) {
  const errors: FieldError[] | undefined = path
    ? [{ path, message: 'must not contain U+0000 or lone surrogates' }]
    : undefined;
  return invalidRequest('invalid_text', INVALID_TEXT, errors);
}

/**
 * Looks at every key, text and number of a parsed body. The depth was bounded before.
 * @returns how many keys its objects have
 * @throws {AppError} `invalid_text`, `invalid_key`, `invalid_number`
 */
export function checkValue(value: unknown, path = ''): number {
  if (typeof value === 'string') return checkText(value, path);
  if (typeof value === 'number') return checkNumber(value, path);
  if (Array.isArray(value))
    return value.reduce<number>((keys, item, index) => keys + checkValue(item, `${path}[${index}]`), 0);
  if (typeof value !== 'object' || value === null) return 0;
  return checkObject(value, path);
}

function checkObject(value: object, path: string): number {
  let keys = 0;
  for (const [key, member] of Object.entries(value)) {
    const memberPath = path ? `${path}.${key}` : key;
    if (!isStorableText(key)) throw invalidText();
    if (isOwnedByObjects(key)) {
      throw invalidRequest('invalid_key', 'The body has a key that is not allowed.', [
        { path: memberPath, message: 'is not an allowed key' },
      ]);
    }
    keys += 1 + checkValue(member, memberPath);
  }
  return keys;
}

function checkText(text: string, path: string): number {
  if (!isStorableText(text)) throw invalidText(path);
  return 0;
}

/** `1e400` is valid JSON, but not a number here. */
function checkNumber(value: number, path: string): number {
  if (Number.isFinite(value)) return 0;
  throw invalidRequest('invalid_number', 'The body holds a number that is out of range.', [
    { path, message: 'must be a finite number' },
  ]);
}
