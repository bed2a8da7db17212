import { countTokens } from './token-counter';
import { stallDuring } from '../../../test/support/event-loop-stall';
import { countTokensInSlices } from './sliced-token-count';

const SENTENCES = [
  'The quick brown fox jumps over the lazy dog.\n\n',
  'Zwölf Boxkämpfer jagen  Viktor   quer über den Sylter Deich; ',
  "it's 12345 o'clock, isn't it?  ",
  'const total = items.reduce((sum, { price }) => sum + price, 0);\n    return total;\r\n',
  '東京は日本の首都です。 ',
  '😀 👩‍👩‍👧 — “quoted” … ',
];

function text(length: number): string {
  let made = '';
  for (let i = 0; made.length < length; i++) made += SENTENCES[(i * i + i) % SENTENCES.length];
  return made;
}

describe('countTokensInSlices', () => {
  it.each([0, 1, 4_095, 4_096, 4_097, 100_000])('counts %d characters as in the whole', async (length) => {
    const counted = text(length).slice(0, length);
    expect(await countTokensInSlices(counted)).toBe(countTokens(counted));
  });

  it('counts a text without a space, a little more at most', async () => {
    for (const counted of ['東京は日本の首都です。'.repeat(5_000), '😀'.repeat(30_001), 'x'.repeat(50_000)]) {
      const exact = countTokens(counted);
      const slices = Math.ceil(counted.length / 4_096);
      const total = await countTokensInSlices(counted);
      expect(total).toBeGreaterThanOrEqual(exact);
      expect(total - exact).toBeLessThanOrEqual(slices);
    }
  });

  it('counts many texts as each of them, and lets others have their turn between them', async () => {
    const texts = Array.from({ length: 2_000 }, (_, i) => text(50 + (i % 300)));
    const exact = texts.reduce((sum, each) => sum + countTokens(each), 0);
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 0);
    expect(await countTokensInSlices(...texts)).toBe(exact);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });

  it('lets others have their turn', async () => {
    const long = text(600_000);
    countTokens(long);
    const atOnce = await stallDuring(async () => countTokens(long));
    let least = Infinity;
    // The best of several runs: others may use the processor.
    for (let i = 0; i < 5; i += 1) {
      const inSlices = await stallDuring(() => countTokensInSlices(long));
      expect(inSlices.result).toBe(atOnce.result);
      least = Math.min(least, inSlices.stallMs);
    }
    expect(least).toBeLessThan(atOnce.stallMs / 2);
  });
});
