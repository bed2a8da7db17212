import { isLoading, LlmError, type LlmErrorCode } from '../llm-error';

/** Failures that say something about the provider rather than about the request. */
const COUNTED: ReadonlySet<LlmErrorCode> = new Set([
  'provider_unreachable',
  'provider_timeout',
  'provider_unavailable',
  'provider_overloaded',
  'provider_rate_limited',
]);

export interface BreakerOptions {
  /** Failures in a row that open the circuit. */
  threshold: number;
  /** How long nobody is let through after that, and between the calls that find out whether it is back. */
  openMs: number;
}

export const BREAKER_DEFAULTS: BreakerOptions = { threshold: 10, openMs: 5000 };

/**
 * Keeps a provider that is down from being asked by everybody: after `threshold` failures in a row, calls fail at once;
 * then a single one is let through every `openMs`, and the first that succeeds ends this.
 */
export class CircuitBreaker {
  private failures = 0;
  private refusingUntil = 0;

  constructor(
    private readonly options: BreakerOptions = BREAKER_DEFAULTS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Asks to make a call; each one that is allowed must be settled.
   * @throws {LlmError} `provider_unavailable` for a call that is not let through
   */
  enter(): void {
    if (!this.isTripped) return;
    const waitMs = this.refusingUntil - this.now();
    if (waitMs > 0) throw refusal(waitMs);
    // The next one need not wait for this one, which may hang.
    this.refusingUntil = this.now() + this.options.openMs;
  }

  /** How the call went, as far as it says something about the provider; undefined for one that was aborted. */
  settle(result: 'ok' | LlmError | undefined): void {
    if (result === undefined) this.refusingUntil = this.now();
    else if (result === 'ok' || !COUNTED.has(result.code) || isLoading(result)) this.failures = 0;
    else this.fail();
  }

  private get isTripped(): boolean {
    return this.failures >= this.options.threshold;
  }

  private fail(): void {
    this.failures++;
    if (this.isTripped) this.refusingUntil = this.now() + this.options.openMs;
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
