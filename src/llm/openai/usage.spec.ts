import { mostTokens, readUsage } from './usage';

const wire = (input: number, output: number, more: object = {}) => ({
  prompt_tokens: input,
  completion_tokens: output,
  ...more,
});

describe('a count of tokens that is believed', () => {
  const most = mostTokens({ contextWindow: 128_000 });

  it('may be far above the window, which may be a guess', () => {
    expect(readUsage(wire(1_500_000, 400_000), most)).toMatchObject({
      input_tokens: 1_500_000,
      output_tokens: 400_000,
    });
    expect(most).toBe(10_000_000);
    expect(mostTokens({ contextWindow: 2_000_000 })).toBe(32_000_000);
  });

  it.each([
    [most + 1, 1],
    [1, most + 1],
    [Number.MAX_SAFE_INTEGER, 2],
    [2, Number.MAX_SAFE_INTEGER],
  ])('is not %d and %d', (input, output) => {
    expect(readUsage(wire(input, output), most)).toBeNull();
  });

  it('leaves out details that cannot be', () => {
    const details = {
      completion_tokens_details: { reasoning_tokens: most + 1 },
      prompt_tokens_details: { cached_tokens: 2 ** 53 - 1 },
    };
    expect(readUsage(wire(3, 4, details), most)).toEqual({
      input_tokens: 3,
      output_tokens: 4,
      estimated: false,
    });
  });

  it('keeps sums exact', () => {
    // A reply each millisecond for ten days.
    expect(Number.isSafeInteger(most * 864_000_000)).toBe(true);
  });
});
