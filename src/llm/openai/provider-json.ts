import { PROVIDER_BOUNDS } from '../../config/bounds';

/** Below this no text takes long to parse, and hardly any is longer. */
const UNCHECKED_CHARS = 64 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;

/** What a provider sent as JSON; undefined for what is none, or has so many values in it that parsing it would hold up everybody. */
export function parseJson(text: string): unknown {
  if (hasTooManyValues(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A megabyte of `[` takes a hundred times as long to parse as one of text. */
export function hasTooManyValues(text: string): boolean {
  if (text.length <= UNCHECKED_CHARS) return false;
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = endOfString(text, at);
    else if (char === COMMA || char === OPEN_LIST || char === OPEN_OBJECT) values++;
    if (values > PROVIDER_BOUNDS.valuesOfEvent.limit) return true;
  }
  return false;
}

/** Index of the quote that closes the string opened at `start`, or the text's length. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let from = end;
    while (text.charCodeAt(from - 1) === BACKSLASH) from--;
    if ((end - from) % 2 === 0) return end;
  }
  return text.length;
}
