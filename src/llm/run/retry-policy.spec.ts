import { LlmError } from '../llm-error';
import { backoffMs, isWorthRetrying, mayFallBack } from './retry-policy';

const unavailable = new LlmError('provider_unavailable');

describe('backoffMs', () => {
  it.each([
    [0, 125, 250],
    [1, 250, 500],
    [3, 1000, 2000],
    [20, 4000, 8000],
  ])('of retry %i is between %i and %i ms', (retry, least, most) => {
    expect(backoffMs(unavailable, retry, () => 0)).toBe(least);
    expect(backoffMs(unavailable, retry, () => 1)).toBe(most);
  });

  it.each([
    [3000, 3000],
    [3_600_000, 10_000],
    [0, 125],
  ])('grants a provider that asks for %i ms %i', (retryAfterMs, expected) => {
    const error = new LlmError('provider_rate_limited', { retryAfterMs });
    expect(backoffMs(error, 0, () => 0)).toBe(expected);
  });
});

describe('what is tried again', () => {
  it.each([
    [unavailable, true, true],
    [new LlmError('upstream_empty'), true, true],
    [new LlmError('provider_timeout'), false, true],
    [new LlmError('provider_auth_failed'), false, true],
    [new LlmError('content_filter'), false, false],
    [new LlmError('provider_unavailable', { detail: { reason: 'circuit_open' } }), false, true],
    [new TypeError('a fault of ours'), false, false],
  ])('%s', (error, retry, fallback) => {
    expect([isWorthRetrying(error), mayFallBack(error)]).toEqual([retry, fallback]);
  });
});
