import { LlmError } from '../llm-error';
import { CircuitBreaker } from './circuit-breaker';

const down = new LlmError('provider_unavailable');

describe('CircuitBreaker', () => {
  let now: number;
  let breaker: CircuitBreaker;

  beforeEach(() => {
    now = 0;
    breaker = new CircuitBreaker({ threshold: 3, openMs: 1000 }, () => now);
  });

  function fail(times: number, error = down): void {
    for (let count = 0; count < times; count++) {
      breaker.enter();
      breaker.settle(error);
    }
  }

  it('lets calls through while failures are few', () => {
    fail(2);
    expect(() => breaker.enter()).not.toThrow();
  });

  it('refuses after failures in a row, and says for how long', () => {
    fail(3);
    now = 400;
    expect(() => breaker.enter()).toThrow(
      expect.objectContaining({ code: 'provider_unavailable', retryAfterMs: 600 }),
    );
  });

  it('counts only failures in a row', () => {
    fail(2);
    breaker.settle('ok');
    fail(2);
    expect(() => breaker.enter()).not.toThrow();
  });

  it('does not count what says that the provider lives', () => {
    fail(5, new LlmError('provider_bad_request'));
    expect(() => breaker.enter()).not.toThrow();
  });

  it('does not count a model that is being loaded', () => {
    fail(5, new LlmError('provider_unavailable', { detail: { reason: 'loading' } }));
    expect(() => breaker.enter()).not.toThrow();
  });

  it('does not count calls that were aborted', () => {
    fail(2);
    breaker.settle(undefined);
    fail(1);
    expect(() => breaker.enter()).toThrow(LlmError);
  });

  it('lets one call through after a while, and closes when it succeeds', () => {
    fail(3);
    now = 1000;
    breaker.enter();
    expect(() => breaker.enter()).toThrow(LlmError);
    breaker.settle('ok');
    breaker.enter();
    expect(() => breaker.enter()).not.toThrow();
  });

  it('lets the next one through when that call hangs, or was aborted', () => {
    fail(3);
    now = 1000;
    breaker.enter();
    now = 2000;
    breaker.enter();
    expect(() => breaker.enter()).toThrow(LlmError);
    breaker.settle(undefined);
    expect(() => breaker.enter()).not.toThrow();
  });

  it('opens again when that call fails', () => {
    fail(3);
    now = 1000;
    fail(1);
    now = 1999;
    expect(() => breaker.enter()).toThrow(LlmError);
    now = 2000;
    expect(() => breaker.enter()).not.toThrow();
  });
});
