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

  function fail(times: number, error = down, user = 'alice'): void {
    for (let count = 0; count < times; count++) {
      breaker.enter(user);
      breaker.settle(user, error);
    }
  }

  const isLetThrough = (user: string) => {
    try {
      breaker.enter(user);
      return true;
    } catch {
      return false;
    }
  };

  it('is not opened by one user while others are active', () => {
    breaker.enter('bob');
    breaker.settle('bob', 'ok');
    fail(10);
    expect(['alice', 'bob', 'carol'].map(isLetThrough)).toEqual([true, true, true]);
  });

  it('is opened by one user whom nobody else has been with for a minute, for that one alone', () => {
    breaker.enter('bob');
    breaker.settle('bob', 'ok');
    now = 61_000;
    fail(3);
    expect(isLetThrough('alice')).toBe(false);
    expect(isLetThrough('bob')).toBe(true);
  });

  it('is opened by failures of two users, for all', () => {
    fail(2);
    fail(1, down, 'bob');
    expect(['alice', 'bob', 'carol'].map(isLetThrough)).toEqual([false, false, false]);
    now = 1000;
    expect(isLetThrough('carol')).toBe(true);
    breaker.settle('carol', 'ok');
    expect(['alice', 'bob'].map(isLetThrough)).toEqual([true, true]);
    // Failures are counted from 0 again.
    fail(2, down, 'bob');
    expect(isLetThrough('alice')).toBe(true);
  });

  it('lets calls through while failures are few', () => {
    fail(2);
    expect(() => breaker.enter('alice')).not.toThrow();
  });

  it('refuses after failures in a row, and says for how long', () => {
    fail(3);
    now = 400;
    expect(() => breaker.enter('alice')).toThrow(
      expect.objectContaining({ code: 'provider_unavailable', retryAfterMs: 600 }),
    );
  });

  it('counts only failures in a row', () => {
    fail(2);
    breaker.settle('alice', 'ok');
    fail(2);
    expect(() => breaker.enter('alice')).not.toThrow();
  });

  // Failures that a router of deployments counted at one time: BerriAI/litellm#16092, openclaw/openclaw#48988
  it.each([
    'provider_bad_request',
    'content_filter',
    'context_length_exceeded',
    'provider_auth_failed',
  ] as const)('does not count what says that the provider lives: %s', (code) => {
    fail(5, new LlmError(code));
    expect(() => breaker.enter('alice')).not.toThrow();
  });

  it('does not count a model that is being loaded', () => {
    fail(5, new LlmError('provider_unavailable', { detail: { reason: 'loading' } }));
    expect(() => breaker.enter('alice')).not.toThrow();
  });

  it('does not count calls that were aborted', () => {
    fail(2);
    breaker.settle('alice', undefined);
    fail(1);
    expect(() => breaker.enter('alice')).toThrow(LlmError);
  });

  it('lets one call through after a while, and closes when it succeeds', () => {
    fail(3);
    now = 1000;
    breaker.enter('alice');
    expect(() => breaker.enter('alice')).toThrow(LlmError);
    breaker.settle('alice', 'ok');
    breaker.enter('alice');
    expect(() => breaker.enter('alice')).not.toThrow();
  });

  it('lets the next one through when that call hangs, or was aborted', () => {
    fail(3);
    now = 1000;
    breaker.enter('alice');
    now = 2000;
    breaker.enter('alice');
    expect(() => breaker.enter('alice')).toThrow(LlmError);
    breaker.settle('alice', undefined);
    expect(() => breaker.enter('alice')).not.toThrow();
  });

  it('opens again when that call fails', () => {
    fail(3);
    now = 1000;
    fail(1);
    now = 1999;
    expect(() => breaker.enter('alice')).toThrow(LlmError);
    now = 2000;
    expect(() => breaker.enter('alice')).not.toThrow();
  });
});
