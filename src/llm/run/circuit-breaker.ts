import { isLoading, LlmError, type LlmErrorCode } from '../llm-error';

/** Failures that are caused by the model or its provider rather than by the request. */
const COUNTED: ReadonlySet<LlmErrorCode> = new Set([
  'provider_unreachable',
  'provider_timeout',
  'provider_unavailable',
  'provider_overloaded',
  'provider_rate_limited',
]);

/** Time for which a user counts as active after a turn. */
const ACTIVE_MS = 60_000;

export interface BreakerOptions {
  /** Number of failed turns in a row that opens the circuit. */
  threshold: number;
  /** Time for which turns are refused after that, and between the turns that test whether the model is back. */
  openMs: number;
}

export const BREAKER_DEFAULTS: BreakerOptions = { threshold: 10, openMs: 5000 };

/**
 * Protects a model that is down from calls: after `threshold` failed turns in a row, turns fail at once, except for one every `openMs`; the first
 * one that does not fail closes the circuit.
 *
 * The requests of one user may make a model fail that works for all others, so failures of one user alone open the circuit only for that
 * user, and only while no other user is active.
 */
export class CircuitBreaker {
  private failures = 0;
  private refusingUntil = 0;
  /** User of the failed turns, or `several` users. */
  private failing: { user: string } | 'several' | undefined;
  /** The two users with the latest turns. */
  private active: { user: string; at: number }[] = [];

  constructor(
    private readonly options: BreakerOptions = BREAKER_DEFAULTS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Admits a turn's call, with all of its tries; each admitted one must be settled.
   * @throws {LlmError} `provider_unavailable` for a turn that is not admitted
   */
  enter(user: string): void {
    this.active = [{ user, at: this.now() }, ...this.active.filter((one) => one.user !== user)].slice(0, 2);
    if (!this.isOpenFor(user)) return;
    const waitMs = this.refusingUntil - this.now();
    if (waitMs > 0) throw refusal(waitMs);
    // The next test does not wait for this one, which may hang.
    this.refusingUntil = this.now() + this.options.openMs;
  }

  /** Records the result of a turn's call; undefined if it was aborted, and so says nothing about the model. */
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
