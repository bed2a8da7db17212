import { packBytes, type Vocabulary } from './vocabulary';

/** Tokens of a character that is not a token by itself: what its UTF-8 bytes merge to. */
export function characterCost(code: number, { fragments }: Vocabulary): number {
  if (code < 0x80) return 1;
  const last = 0x80 | (code & 0x3f);
  const third = 0x80 | ((code >> 6) & 0x3f);
  if (code < 0x800) return fragments.has(packBytes(0xc0 | (code >> 6), last, 0)) ? 1 : 2;
  if (code >= 0x10000) return astralCost(code, third, last, fragments);
  const merges =
    fragments.has(packBytes(0xe0 | (code >> 12), third, 0)) || fragments.has(packBytes(third, last, 0));
  return merges ? 2 : 3;
}

function astralCost(code: number, third: number, last: number, fragments: Vocabulary['fragments']): number {
  const first = 0xf0 | (code >> 18);
  const second = 0x80 | ((code >> 12) & 0x3f);
  if (fragments.has(packBytes(first, second, third)) || fragments.has(packBytes(second, third, last)))
    return 2;
  return (
    4 - Number(fragments.has(packBytes(first, second, 0))) - Number(fragments.has(packBytes(third, last, 0)))
  );
}
