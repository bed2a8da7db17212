import { characterCost } from './character-cost';
import type { Vocabulary } from './vocabulary';

/** Merging costs the square of a piece's length, so longer pieces are counted in slices. */
export const MAX_PIECE = 64;

const UNMERGEABLE = 0x7fffffff;

// Counting is synchronous, so one set of scratch buffers serves all calls.
const starts = new Int32Array(MAX_PIECE + 2);
const ranks = new Int32Array(MAX_PIECE + 2);

/** Tokens of a piece of at most `MAX_PIECE` UTF-16 units. Merges characters, not bytes, which is several times as fast. */
export function mergedTokens(piece: string, vocabulary: Vocabulary): number {
  let count = splitCharacters(piece);
  const rankAt = (index: number): number =>
    index + 2 > count ? UNMERGEABLE : (vocabulary.ranks.get(stretch(piece, index, index + 2)) ?? UNMERGEABLE);
  for (let index = 0; index < count; index++) ranks[index] = rankAt(index);
  for (let index = lowestRank(count); index >= 0; index = lowestRank(count)) {
    removeBoundary(index, count--);
    ranks[index] = rankAt(index);
    if (index > 0) ranks[index - 1] = rankAt(index - 1);
  }
  return totalCost(piece, count, vocabulary);
}

function stretch(piece: string, from: number, to: number): string {
  return piece.slice(starts[from], starts[to]);
}

function splitCharacters(piece: string): number {
  let count = 0;
  for (let index = 0; index < piece.length; index++) {
    starts[count++] = index;
    if ((piece.charCodeAt(index) & 0xfc00) === 0xd800) index++;
  }
  starts[count] = piece.length;
  return count;
}

function lowestRank(count: number): number {
  let lowest = UNMERGEABLE;
  let at = -1;
  for (let index = 0; index < count - 1; index++) {
    const rank = ranks[index];
    if (rank < lowest) {
      lowest = rank;
      at = index;
    }
  }
  return at;
}

/** Joins the stretches at `index` and `index + 1`. */
function removeBoundary(index: number, count: number): void {
  for (let at = index; at < count; at++) {
    starts[at + 1] = starts[at + 2];
    ranks[at] = ranks[at + 1];
  }
}

function totalCost(piece: string, count: number, vocabulary: Vocabulary): number {
  let total = 0;
  for (let index = 0; index < count; index++) total += tokensAt(piece, index, vocabulary);
  return total;
}

/** What was merged is a token; a character that stayed alone may be one or several. */
function tokensAt(piece: string, index: number, vocabulary: Vocabulary): number {
  const start = starts[index];
  const length = starts[index + 1] - start;
  const code = piece.codePointAt(start) as number;
  const single = length === (code > 0xffff ? 2 : 1);
  if (code < 0x80 || !single) return 1;
  return vocabulary.ranks.has(stretch(piece, index, index + 1)) ? 1 : characterCost(code, vocabulary);
}
