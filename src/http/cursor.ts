import { createHash, timingSafeEqual } from 'node:crypto';
import type { AppError } from '../errors/app-error';
import { invalidRequest } from './http-errors';
import { isStorableText } from './json-value';
import { isCanonicalUuid } from './parse-id.pipe';

/** What a sort value may be; anything else in a cursor is refused, so that none can upset the database. */
export type CursorKind = 'timestamp' | 'uuid' | 'integer' | 'boolean' | 'string';

/** The sort values of the last row of a page, in the order of the sort. */
export type CursorValue = string | number | boolean;

type ValueOf<K extends CursorKind> = K extends 'integer' ? number : K extends 'boolean' ? boolean : string;
type ValuesOf<K extends readonly CursorKind[]> = { -readonly [I in keyof K]: ValueOf<K[I]> };

/** Which list of whose a cursor belongs to; filters that change the list belong into its name. */
export interface CursorScope {
  userId: string;
  list: string;
}

const DIGEST_BYTES = 12;
const MAX_LENGTH = 1024;
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z$/;

/**
 * An opaque text that continues a list after a row. The digest binds it to the user and the list, which catches mistakes; it is
 * not a secret, so whoever reads a cursor must treat its values like any other input of that user.
 */
export function encodeCursor(scope: CursorScope, values: readonly CursorValue[]): string {
  const payload = Buffer.from(JSON.stringify(values));
  return Buffer.concat([digest(scope, payload), payload]).toString('base64url');
}

/**
 * @param kinds of the values, as they were given to `encodeCursor`
 * @throws {AppError} `invalid_cursor` for anything that `encodeCursor` did not make for this user and list
 */
export function decodeCursor<const K extends readonly CursorKind[]>(
  scope: CursorScope,
  cursor: string,
  kinds: K,
): ValuesOf<K> {
  const bytes = Buffer.from(cursor, 'base64url');
  const payload = bytes.subarray(DIGEST_BYTES);
  const canonical =
    cursor.length <= MAX_LENGTH && bytes.toString('base64url') === cursor && payload.length > 0;
  if (!canonical || !timingSafeEqual(bytes.subarray(0, DIGEST_BYTES), digest(scope, payload)))
    throw invalidCursor();
  const values = parse(payload);
  if (!Array.isArray(values) || values.length !== kinds.length) throw invalidCursor();
  if (!kinds.every((kind, index) => CHECKS[kind](values[index]))) throw invalidCursor();
  return values as ValuesOf<K>;
}

const CHECKS: Record<CursorKind, (value: unknown) => boolean> = {
  timestamp: (value) =>
    typeof value === 'string' && TIMESTAMP.test(value) && !Number.isNaN(Date.parse(value)),
  uuid: isCanonicalUuid,
  integer: Number.isSafeInteger,
  boolean: (value) => typeof value === 'boolean',
  string: (value) => typeof value === 'string' && isStorableText(value),
};

export function invalidCursor(): AppError {
  return invalidRequest('invalid_cursor', 'The cursor does not belong to this list.', [
    { path: 'cursor', message: 'must be a next_cursor of the same list' },
  ]);
}

function digest(scope: CursorScope, payload: Buffer): Buffer {
  const hash = createHash('sha256').update(JSON.stringify([scope.userId, scope.list]));
  return hash.update(payload).digest().subarray(0, DIGEST_BYTES);
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
}
