import { HTTP_BOUNDS } from '../config/bounds';
import { invalidRequest } from './http-errors';

const MAX_DEPTH = HTTP_BOUNDS.jsonDepth.limit;
/** What transforms and validates bodies takes long over each part, even of a field that is then refused; none needs more. */
export const MAX_VALUES = HTTP_BOUNDS.jsonValues.limit;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/**
 * One cheap pass over the raw text, before anything recursive sees it.
 * @returns how many keys the objects in it have, counting repeated ones
 * @throws {AppError} `too_deep`, `too_many_values`
 */
export function checkStructure(bytes: Uint8Array): number {
  let depth = 0;
  let keys = 0;
  // Each value but the first of a list or object follows a comma; the first follows its opening.
  let values = 0;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i];
    if (byte === QUOTE) i = endOfString(bytes, i);
    else if (byte === COLON) keys += 1;
    else if (byte === COMMA) values += 1;
    else if (OPENING.has(byte)) [depth, values] = [depth + 1, values + 1];
    else if (CLOSING.has(byte)) depth -= 1;
    if (depth > MAX_DEPTH)
      throw invalidRequest('too_deep', `The body must not be nested deeper than ${MAX_DEPTH} levels.`);
    if (values > MAX_VALUES)
      throw invalidRequest('too_many_values', `The body must not have more than ${MAX_VALUES} values.`);
  }
  return keys;
}

/** Index of the closing quote of the string that opens at `start`, or of the last byte if there is none. */
function endOfString(bytes: Uint8Array, start: number): number {
  let end = start;
  do {
    end = bytes.indexOf(QUOTE, end + 1);
    if (end === -1) return bytes.length - 1;
  } while (isEscaped(bytes, end, start));
  return end;
}

function isEscaped(bytes: Uint8Array, index: number, start: number): boolean {
  let backslashes = 0;
  while (index - 1 - backslashes > start && bytes[index - 1 - backslashes] === BACKSLASH) backslashes += 1;
  return backslashes % 2 === 1;
}
