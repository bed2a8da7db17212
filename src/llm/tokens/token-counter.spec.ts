import { countTokens as exactCount, clearMergeCache } from 'gpt-tokenizer/encoding/o200k_base';
import { readFileSync } from 'node:fs';
import { countTokens } from './token-counter';

const PLAIN = { disallowedSpecial: new Set<string>() };
const LENGTH = 100_000;

/** A fixed sequence, so that every run counts the same text. */
function random(): () => number {
  let state = 1;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 0x80000000;
    return state / 0x80000000;
  };
}

function characters(from: number, size: number): string {
  const next = random();
  let text = '';
  while (text.length < LENGTH) text += String.fromCodePoint(from + Math.floor(next() * size));
  return text.slice(0, LENGTH);
}

function repeated(text: string): string {
  return text.repeat(Math.ceil(LENGTH / text.length)).slice(0, LENGTH);
}

const TEXTS: Record<string, string> = {
  'one letter': repeated('a'),
  'one capital': repeated('A'),
  'exclamation marks': repeated('!'),
  spaces: repeated(' '),
  'line breaks': repeated('\n'),
  'random letters': characters(0x61, 26),
  'random printable': characters(0x21, 93),
  'random Chinese': characters(0x4e00, 0x5000),
  'random Hangul': characters(0xac00, 11_000),
  'random Yi': characters(0xa000, 1100),
  'random rare ideographs': characters(0x20000, 40_000),
  emoji: characters(0x1f300, 0x300),
  'control characters': characters(0, 32),
  'combining marks': repeated('a\u0301\u0302'),
  'lone surrogates': repeated('\ud800'),
  Chinese: repeated('这是一个用于测试的中文句子,我们希望它足够长以便检查分词的结果。'),
  Japanese: repeated('これはトークンの数を数えるための日本語の文章です。'),
  Russian: repeated('Это обычное предложение на русском языке, чтобы проверить счётчик. '),
  code: readFileSync(__filename, 'utf8').repeat(40).slice(0, LENGTH),
  English: repeated('The quick brown fox jumps over the lazy dog, and it doesn’t even look back once. '),
};

describe('countTokens', () => {
  beforeAll(() => countTokens('load the vocabulary'));

  it.each(Object.keys(TEXTS))('counts 100,000 characters of %s in a moment', (name) => {
    const times = [1, 2, 3, 4, 5].map(() => {
      const start = process.cpuUsage();
      countTokens(TEXTS[name] ?? '');
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1000;
    });
    // 4 to 31 ms on a core of its own, a hundred on a busy machine, and seconds if long runs were not cut.
    expect(Math.min(...times)).toBeLessThan(1_000);
  });

  it.each(Object.keys(TEXTS))('comes close to the exact count of %s, and never below it', (name) => {
    const text = (TEXTS[name] ?? '').slice(0, 3000).toWellFormed();
    clearMergeCache();
    const exact = exactCount(text, PLAIN);
    expect(countTokens(text)).toBeGreaterThanOrEqual(exact);
    expect(countTokens(text)).toBeLessThanOrEqual(exact * 1.02 + 25);
  });

  it.each([
    ['', 0],
    ['hello world', 2],
    ['Hello, wörld! 123456', 9],
    ['   leading and trailing   ', 5],
  ])('counts %j as %i', (text, expected) => {
    expect(exactCount(text, PLAIN)).toBe(expected);
    expect(countTokens(text)).toBe(expected);
  });

  it('counts special tokens as plain text', () => {
    const text = 'a <|endoftext|> b <|im_start|>system';
    expect(countTokens(text)).toBe(exactCount(text, PLAIN));
    expect(countTokens('<|endoftext|>')).toBeGreaterThan(1);
  });

  it('gives the same count whatever was counted before', () => {
    const first = countTokens('The same sentence again.');
    countTokens('something\nelse');
    expect(countTokens('The same sentence again.')).toBe(first);
  });
});
