import { MAX_PIECE, mergedTokens } from './merge';
import { o200k, type Vocabulary } from './vocabulary';

/**
 * Tokens of a text in `o200k_base`, the encoding of OpenAI's current models; for other models an estimate.
 *
 * Exact for ordinary text. Long runs without a break are counted in slices, and a character that is no token by its bytes,
 * so that the time grows with the length only; both can count a little more than the model would, not less.
 * Special tokens such as `<|endoftext|>` count as the plain text that they are in a message.
 */
export function countTokens(text: string): number {
  const vocabulary = o200k();
  const { pieces, ranks } = vocabulary;
  const wellFormed = text.toWellFormed();
  let total = 0;
  pieces.lastIndex = 0;
  for (let match = pieces.exec(wellFormed); match; match = pieces.exec(wellFormed)) {
    total += ranks.has(match[0]) ? 1 : pieceTokens(match[0], vocabulary);
  }
  return total;
}

function pieceTokens(piece: string, vocabulary: Vocabulary): number {
  if (piece.length <= MAX_PIECE) return mergedTokens(piece, vocabulary);
  let total = 0;
  for (let start = 0; start < piece.length;) {
    const end = sliceEnd(piece, start);
    total += mergedTokens(piece.slice(start, end), vocabulary);
    start = end;
  }
  return total;
}

/** Never between the two halves of a surrogate pair. */
function sliceEnd(piece: string, start: number): number {
  const end = start + MAX_PIECE;
  return (piece.charCodeAt(end) & 0xfc00) === 0xdc00 ? end - 1 : end;
}
