import { setImmediate as nextTurn } from 'node:timers/promises';
import { REPLY_BOUNDS } from '../../config/bounds';
import { countTokens } from '../../llm/tokens/token-counter';

/**
 * The same as `countTokens`, for a text that may be long: others have their turn after each slice. A stretch without a space that is
 * longer than a slice is cut anywhere, which can make it one token more.
 */
export async function countTokensInSlices(text: string): Promise<number> {
  let total = 0;
  for (let start = 0; start < text.length;) {
    if (start) await nextTurn();
    const end = sliceEnd(text, start);
    total += countTokens(text.slice(start, end));
    start = end;
  }
  return total;
}

function sliceEnd(text: string, start: number): number {
  const end = start + REPLY_BOUNDS.countedCharacters.limit;
  if (end >= text.length) return text.length;
  // No piece of the vocabulary's pattern goes from anything else into a space: what is cut there is counted as in the whole.
  for (let place = end; place > start + 1; place--) {
    if (text[place] === ' ' && /\S/.test(text[place - 1])) return place;
  }
  // Never between the two halves of a surrogate pair.
  return (text.charCodeAt(end) & 0xfc00) === 0xdc00 ? end - 1 : end;
}
