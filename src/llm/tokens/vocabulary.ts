import type * as Constants from 'gpt-tokenizer/encodingParams/constants';
import type * as Ranks from 'gpt-tokenizer/bpeRanks/o200k_base';

/** A byte-pair encoding: the tokens that are text, and those that are a part of a character's bytes. */
export interface Vocabulary {
  /** Rank by token; a lower rank is merged first. */
  ranks: ReadonlyMap<string, number>;
  /** Tokens of 2 or 3 bytes that are no text by themselves, as `packBytes` writes them. */
  fragments: ReadonlySet<number>;
  /** Cuts text into the pieces inside which tokens are merged. Global: reset `lastIndex` before use. */
  pieces: RegExp;
}

let vocabulary: Vocabulary | undefined;

/** OpenAI's `o200k_base`. The first call reads it, which blocks for some tenths of a second and takes about 30 MB. */
export function o200k(): Vocabulary {
  vocabulary ??= load();
  return vocabulary;
}

export function packBytes(first: number, second: number, third: number): number {
  return (first << 16) | (second << 8) | third;
}

function load(): Vocabulary {
  const { default: tokens } = require('gpt-tokenizer/bpeRanks/o200k_base') as typeof Ranks;
  const { O200K_TOKEN_SPLIT_REGEX } = require('gpt-tokenizer/encodingParams/constants') as typeof Constants;
  const ranks = new Map<string, number>();
  const fragments = new Set<number>();
  for (const [rank, token] of tokens.entries()) {
    if (typeof token === 'string') ranks.set(token, rank);
    else if (token && token.length <= 3)
      fragments.add(packBytes(token[0] ?? 0, token[1] ?? 0, token[2] ?? 0));
  }
  return { ranks, fragments, pieces: new RegExp(O200K_TOKEN_SPLIT_REGEX) };
}
