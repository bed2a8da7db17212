import { parse } from 'node:querystring';
import { invalidRequest } from './http-errors';
import { checkValue } from './json-value';

export const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;
const MAX_FIELDS = 50;

/**
 * The fields of a form, each once, as text.
 * @throws {AppError} with a code that says what is wrong
 */
export function parseFormBody(bytes: Uint8Array): Record<string, string> {
  const fields: Record<string, string> = {};
  const text = new TextDecoder().decode(bytes);
  assertDecodable(text);
  for (const [name, value] of Object.entries(parse(text, '&', '=', { maxKeys: MAX_FIELDS }))) {
    if (typeof value !== 'string')
      throw invalidRequest('duplicate_key', 'The form has the same field twice.');
    // Not by assignment, which would take one name for something else.
    Object.defineProperty(fields, name, { value, enumerable: true, writable: true, configurable: true });
  }
  checkValue(fields);
  return fields;
}

/** The parser would put something in the place of what it cannot read. */
function assertDecodable(text: string): void {
  try {
    decodeURIComponent(text);
  } catch {
    throw invalidRequest('invalid_encoding', 'The body is not percent-encoded UTF-8.');
  }
}
