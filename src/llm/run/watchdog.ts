import { LlmError } from '../llm-error';

/** Times for which a model may be silent. */
export interface StreamTimeouts {
  /** Time from the request to the first sign of life. */
  firstEventMs: number;
  /** Time from one sign of life to the next. */
  idleMs: number;
}

/**
 * Ends a try whose model stays silent. A provider's keep-alive comments are no sign of life; any data of its model is, even if it becomes no
 * part. The time that the service takes between two waits does not count.
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

  /** Starts a wait for a sign of life. */
  wait(): void {
    this.waitingSince = performance.now();
  }

  /** Ends the wait: there was a sign of life. */
  feed(): void {
    this.waitingSince = undefined;
    if (this.limit === this.timeouts.idleMs) return;
    this.limit = this.timeouts.idleMs;
    this.rearm(this.limit);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  /** Callback of the timer. One timer that compares the time is cheaper than a timer for each part. */
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
