import { testProvider } from '../../../test/support/model-calls';
import { Scrubber } from './scrubber';

const provider = testProvider('https://models.example/v1', {
  apiKey: 'plain-secret-value',
  headers: { 'api-key': 'header-secret', 'x-short': 'ab' },
});
const scrub = new Scrubber(provider);

describe('Scrubber', () => {
  it.each([
    ['The key plain-secret-value is wrong', 'The key *** is wrong'],
    ['header-secret header-secret', '*** ***'],
    ['at https://models.example/v1/chat', 'at ***/chat'],
    ['provided: sk-abc***wxyz.', 'provided: ***.'],
    ['ab stays', 'ab stays'],
    ['', undefined],
  ])('%j becomes %j', (text, expected) => {
    expect(scrub.text(text)).toBe(expected);
  });

  it('keeps texts short, and no part of a secret at the cut', () => {
    const text = scrub.text(`${'x'.repeat(990)}plain-secret-value${'y'.repeat(5000)}`);
    expect(text).toHaveLength(1000);
    expect(text).not.toContain('plain');
  });

  it('takes for a word only what looks like one', () => {
    expect(scrub.word('insufficient_quota')).toBe('insufficient_quota');
    for (const text of ['two words', '', null, undefined, 'x'.repeat(81), 'plain-secret-value', '<b>']) {
      expect(scrub.word(text)).toBeUndefined();
    }
  });
});
