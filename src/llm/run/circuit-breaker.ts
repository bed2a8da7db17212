import { LlmError, type LlmErrorCode } from '../llm-error';

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
  /** How long nobody is let through after that. */
  openMs: number;
}

export const BREAKER_DEFAULTS: BreakerOptions = { threshold: 10, openMs: 5000 };

/**
 * Keeps a provider that is down from being asked by everybody: after `threshold` failures in a row, calls fail at once;
 * after `openMs` a single one is let through, and its result decides.
 */
export class CircuitBreaker {
  private failures = 0;
  private openUntil = 0;
  private probing = false;

  constructor(
    private readonly options: BreakerOptions = BREAKER_DEFAULTS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Asks to make a call; each one that is allowed must be settled.
   * @throws {LlmError} `provider_unavailable` while the circuit is open
   */
  enter(): void {
    if (!this.isOpen) return;
    const waitMs = this.openUntil - this.now();
    if (waitMs > 0 || this.probing) throw refusal(Math.max(waitMs, 0));
    this.probing = true;
  }

  /** How the call went, as far as it says something about the provider; undefined for one that was aborted. */
  settle(result: 'ok' | LlmError | undefined): void {
    this.probing = false;
    if (result === 'ok' || (result && !COUNTED.has(result.code))) this.failures = 0;
    else if (result) this.fail();
  }

  private get isOpen(): boolean {
    return this.failures >= this.options.threshold;
  }

  private fail(): void {
    this.failures++;
    if (this.isOpen) this.openUntil = this.now() + this.options.openMs;
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
