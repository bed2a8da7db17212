import { LlmError } from '../llm-error';

/** How long a model may say nothing. */
export interface StreamTimeouts {
  /** From the request to the first part. */
  firstEventMs: number;
  /** From one part to the next. */
  idleMs: number;
}

/**
 * Ends an attempt that stays silent. A provider's keep-alive comments are no sign of life; whatever its model says is, though it becomes no part.
 * The time that our own side takes between two waits is not held against the provider.
 */
export class Watchdog {
  private limit: number;
  private waitingSince: number | undefined;
  private timer: NodeJS.Timeout;

  constructor(
    private readonly timeouts: StreamTimeouts,
    private readonly expire: (reason: LlmError) => void,
  ) {
    this.limit = timeouts.firstEventMs;
    this.timer = setTimeout(() => this.check(), this.limit);
  }

  /** The provider is expected to say something from now on. */
  wait(): void {
    this.waitingSince = performance.now();
  }

  /** It said something. */
  feed(): void {
    this.waitingSince = undefined;
    if (this.limit === this.timeouts.idleMs) return;
    this.limit = this.timeouts.idleMs;
    this.rearm(this.limit);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  /** One timer that looks at the clock is cheaper than a timer for each part. */
  private check(): void {
    const waited = this.waitingSince === undefined ? 0 : performance.now() - this.waitingSince;
    // Timers may fire a millisecond early.
    if (waited + 1 < this.limit) this.rearm(this.limit - waited);
    else this.expire(new LlmError('provider_timeout', { detail: { reason: 'idle' } }));
  }

  private rearm(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(), ms);
  }
}
