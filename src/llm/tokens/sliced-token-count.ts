import { setImmediate as nextTurn } from 'node:timers/promises';
import { REPLY_BOUNDS } from '../../config/bounds';
import { countTokens } from './token-counter';

/**
 * `countTokens` for texts that may be long or many: yields to the event loop between slices. A run without a space that is longer than a
 * slice is cut anywhere, which can add one token.
 */
export async function countTokensInSlices(...texts: string[]): Promise<number> {
  const most = REPLY_BOUNDS.countedCharacters.limit;
  let total = 0;
  let counted = 0;
  for (const text of texts) {
    for (let start = 0; start < text.length;) {
      const end = sliceEnd(text, start);
      if (counted && counted + end - start > most) {
        await nextTurn();
        counted = 0;
      }
      total += countTokens(text.slice(start, end));
      counted += end - start;
      start = end;
    }
  }
  return total;
}

function sliceEnd(text: string, start: number): number {
  const end = start + REPLY_BOUNDS.countedCharacters.limit;
  if (end >= text.length) return text.length;
  // No match of the vocabulary's pattern continues from another character into a space: a cut there does not change the count.
  for (let position = end; position > start + 1; position--) {
    if (text[position] === ' ' && /\S/.test(text[position - 1])) return position;
  }
  // Never cut between the two halves of a surrogate pair.
  return (text.charCodeAt(end) & 0xfc00) === 0xdc00 ? end - 1 : end;
}
