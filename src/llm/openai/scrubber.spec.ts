import fc from 'fast-check';
import { testProvider } from '../../../test/support/model-calls';
import { PROVIDER_BOUNDS } from '../../config/bounds';
import { Scrubber } from './scrubber';

const provider = testProvider('https://models.example/v1', {
  apiKey: 'plain-secret-value',
  headers: { 'api-key': 'header-secret', 'x-short': 'ab' },
});
const scrub = new Scrubber(provider);

function scrubOf(...contents: string[]): Scrubber {
  const messages = contents.map((content) => ({ role: 'user' as const, content }));
  return new Scrubber(provider, { messages, settings: { stop: ['the end of it all'] } });
}

describe('Scrubber', () => {
  it.each([
    ['The key plain-secret-value is wrong', 'The key *** is wrong'],
    ['header-secret header-secret', '*** ***'],
    ['at https://models.example/v1/chat', 'at ***/chat'],
    ['provided: sk-abc***wxyz.', 'provided: ***.'],
    ['ends with secret-value, it says', 'ends with ***, it says'],
    ['ab stays', 'ab stays'],
    ['on one\r\nline, \u001b[31mnot red\u202e', 'on one line, [31mnot red'],
    ['', undefined],
    ['\n', undefined],
  ])('%j becomes %j', (text, expected) => {
    expect(scrub.text(text)).toBe(expected);
  });

  it('keeps texts short, and no part of a secret at the cut', () => {
    const { limit } = PROVIDER_BOUNDS.words;
    const text = scrub.text(`${'x'.repeat(limit - 10)}plain-secret-value${'y'.repeat(5000)}`);
    expect(text).toHaveLength(limit);
    expect(text).not.toContain('plain');
    for (let length = 1900; length < 2100; length += 1) {
      const shown = scrub.text(`${'plain-secret-value'.repeat(200).slice(0, length)} is wrong`) ?? '';
      expect(shown.replace(' is wrong', '')).toMatch(/^\*\*\*[a-z-]{0,11}$/);
    }
  });

  it('takes for a word only what looks like one', () => {
    expect(scrub.word('insufficient_quota')).toBe('insufficient_quota');
    for (const text of ['two words', '', null, undefined, 'x'.repeat(81), 'plain-secret-value', '<b>']) {
      expect(scrub.word(text)).toBeUndefined();
      expect(scrub.id(text)).toBeUndefined();
    }
    expect(scrubOf('my_private_word').word('my_private_word')).toBeUndefined();
  });

  it('tells what is called without what is secret', () => {
    expect(scrub.url()).toBe('https://models.example/v1/chat/completions');
    const keyed = testProvider('https://user:pass@h.example:8443/plain-secret-value/sk-0123456789/?key=x', {
      apiKey: 'plain-secret-value',
    });
    expect(new Scrubber(keyed).url()).toBe('https://h.example:8443/***/***/chat/completions');
    expect(new Scrubber(testProvider('')).url()).toBeUndefined();
  });
});

describe('what a refusal quotes of its request', () => {
  const prompt = 'My name is "Ada" \\ and\nmy café is in São Paulo 🙂.';

  it.each([
    ['as it is', prompt],
    ['as JSON', JSON.stringify(prompt)],
    ['as JSON in JSON', JSON.stringify(JSON.stringify(prompt))],
    [
      'as ASCII',
      JSON.stringify(prompt).replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
    ],
    ['in part', prompt.slice(5, -7)],
    ['the system prompt', 'You are a careful clerk'],
    ['a stop word', 'the end of it all'],
  ])('is left out: %s', (_name, quoted) => {
    const shown = scrubOf('You are a careful clerk', prompt).text(`Invalid: "${quoted}" (code 7)`) ?? '';
    expect(shown).toMatch(/^Invalid: ["\\]*\*\*\*["\\]* \(code 7\)$/);
  });

  it('stays where it has fewer than 12 characters', () => {
    expect(scrubOf('elevenchars').text('It says elevenchars.')).toBe('It says elevenchars.');
    expect(scrubOf('twelve chars').text('It says twelve chars.')).toBe('It says ***.');
  });

  it('in no run of 12 characters, whatever the texts are', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '\\', 'n', '"', 'é'), maxLength: 60 });
    fc.assert(
      fc.property(letters, letters, letters, fc.nat(40), (before, sent, after, from) => {
        const shown = scrubOf(sent).text(before + sent.slice(from) + after) ?? '';
        for (let at = 0; at + 12 <= sent.length; at += 1) {
          const run = sent.slice(at, at + 12);
          expect(shown.includes(run)).toBe(false);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('is found in a context of megabytes without holding up others', () => {
    const words = 'abcdefghijkl'.repeat(160);
    for (const filler of ['a', 'abcdefghijkl', 'lkjihgfedcba', '🙂 ', '\\']) {
      const context = filler.repeat(2_000_000 / filler.length);
      const began = performance.now();
      const shown = scrubOf(context, 'the last of them').text(`No: the last of them ${words}`);
      expect([filler, performance.now() - began < 1_000]).toEqual([filler, true]);
      expect(shown).toMatch(/^No: \*\*\*/);
    }
  });

  it('cannot be known where the request is longer than what is compared: then nothing is kept', () => {
    const long = scrubOf('x'.repeat(PROVIDER_BOUNDS.comparedCharacters.limit), 'y');
    expect(long.text('The model is overloaded.')).toBeUndefined();
    expect(long.word('model_overloaded')).toBeUndefined();
    expect(long.word('overloaded')).toBe('overloaded');
  });
});
