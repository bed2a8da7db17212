import { isLoading, LlmError, type LlmErrorCode } from '../llm-error';

/** Failures that say something about the model rather than about the request. */
const COUNTED: ReadonlySet<LlmErrorCode> = new Set([
  'provider_unreachable',
  'provider_timeout',
  'provider_unavailable',
  'provider_overloaded',
  'provider_rate_limited',
]);

/** For how long a user counts as active after asking for a turn. */
const ACTIVE_MS = 60_000;

export interface BreakerOptions {
  /** Turns that fail in a row and open the circuit. */
  threshold: number;
  /** How long nobody is let through after that, and between the turns that find out whether the model is back. */
  openMs: number;
}

export const BREAKER_DEFAULTS: BreakerOptions = { threshold: 10, openMs: 5000 };

/**
 * Keeps a model that is down from being asked by everybody: after `threshold` failed turns in a row, turns fail at once; then a single one is let
 * through every `openMs`, and the first that succeeds ends this.
 *
 * What one user asks may make a model fail that works for all others, so failures of one user alone open the circuit only while nobody
 * else is active, and then keep out that user alone.
 */
export class CircuitBreaker {
  private failures = 0;
  private refusingUntil = 0;
  /** The user of the failures, or that there are several. */
  private failing: { user: string } | 'several' | undefined;
  /** The two users who asked last. */
  private active: { user: string; at: number }[] = [];

  constructor(
    private readonly options: BreakerOptions = BREAKER_DEFAULTS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Asks to make a turn's call, with all its tries; each one that is allowed must be settled.
   * @throws {LlmError} `provider_unavailable` for a turn that is not let through
   */
  enter(user: string): void {
    this.active = [{ user, at: this.now() }, ...this.active.filter((one) => one.user !== user)].slice(0, 2);
    if (!this.isOpenFor(user)) return;
    const waitMs = this.refusingUntil - this.now();
    if (waitMs > 0) throw refusal(waitMs);
    // The next one need not wait for this one, which may hang.
    this.refusingUntil = this.now() + this.options.openMs;
  }

  /** How the turn's call went, as far as it says something about the model; undefined for one that was aborted. */
  settle(user: string, result: 'ok' | LlmError | undefined): void {
    if (result === undefined) this.refusingUntil = this.now();
    else if (result === 'ok' || !COUNTED.has(result.code) || isLoading(result)) this.close();
    else this.fail(user);
  }

  private isOpenFor(user: string): boolean {
    if (this.failures < this.options.threshold || !this.failing) return false;
    return this.failing === 'several' || (this.failing.user === user && this.isAlone(user));
  }

  private isAlone(user: string): boolean {
    return this.active.every((one) => one.user === user || this.now() - one.at > ACTIVE_MS);
  }

  private fail(user: string): void {
    this.failures++;
    this.failing =
      this.failing && (this.failing === 'several' || this.failing.user !== user) ? 'several' : { user };
    if (this.failures >= this.options.threshold) this.refusingUntil = this.now() + this.options.openMs;
  }

  private close(): void {
    this.failures = 0;
    this.failing = undefined;
  }
}

export function isRefusal(error: LlmError): boolean {
  return error.detail?.reason === REFUSED;
}

const REFUSED = 'circuit_open';

function refusal(retryAfterMs: number): LlmError {
  return new LlmError('provider_unavailable', {
    retryAfterMs: Math.ceil(retryAfterMs),
    detail: { reason: REFUSED },
  });
}
