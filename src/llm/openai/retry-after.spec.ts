import { retryAfterMs, waitInWords } from './retry-after';

const NOW = Date.parse('2026-11-21T10:00:00Z');

function wait(headers: Record<string, string>): number | undefined {
  return retryAfterMs(new Headers(headers), NOW);
}

describe('waitInWords', () => {
  it.each([
    ['Rate limit reached. Please try again in 2.4s. Visit …', 2_400],
    ['Please try again in 350ms.', 350],
    ['Please retry in 41.69s', 41_690],
    ['Please wait 5 seconds before the next request', 5_000],
    ['Try again in 2 minutes', 120_000],
    ['Quota exceeded retryDelay 12s', 12_000],
    ['Please try again in 1m47.5854s. Visit …', 107_586],
    ['Please try again in 9m38.016s. Need more tokens?', 578_016],
    ['Please try again in 6m0s.', 360_000],
    ['Please try again in 50.597142857s.', 50_598],
    ['Your quota will reset after 2h7m23s.', 7_643_000],
    ['Please retry in 26.660853464s.', 26_661],
    ['wait 2 mistakes', undefined],
    ['Please try again later.', undefined],
    ['Limit 30000, Used 29000', undefined],
    ['try again in 999999 minutes', 24 * 60 * 60 * 1_000],
  ])('reads %j', (text, ms) => {
    expect(waitInWords(text)).toBe(ms);
  });
});

describe('retryAfterMs', () => {
  it.each([
    ['0', 0],
    ['1', 1000],
    ['1.5', 1500],
    [' 3 ', 3000],
    ['3600', 3_600_000],
    ['99999999999', 86_400_000],
    ['Sat, 21 Nov 2026 10:00:05 GMT', 5000],
    ['Sat, 21 Nov 2026 09:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
    ['-5', undefined],
    ['1 apple', undefined],
    ['1e3', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
  ])('reads %j as %p ms', (text, expected) => {
    expect(wait({ 'retry-after': text })).toBe(expected);
  });

  it('prefers milliseconds', () => {
    expect(wait({ 'retry-after': '5', 'retry-after-ms': '250' })).toBe(250);
    expect(wait({ 'retry-after': '5', 'retry-after-ms': 'x' })).toBe(5000);
    expect(wait({})).toBeUndefined();
  });
});
