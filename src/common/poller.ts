import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { detached } from './detached';

const LOG_EVERY_MS = 10_000;

export interface PollerOptions {
  /** Name of the work for the log, in a word or two. */
  name: string;
  /** Pause between two polls. */
  everyMs: () => number;
  /** The pause is at least this many times as long as the last poll took. Default: 0. */
  minPauseFactor?: number;
  isNeeded: () => boolean;
  poll: () => Promise<void>;
}

/** Looks again and again while somebody wants it: never twice at a time, and a failure is only a reason to look again. */
export class Poller {
  private readonly logger = new Logger(Poller.name);
  private active = false;
  /** Whether the next poll is not to wait for its time. */
  private due = false;
  private pause: AbortController | undefined;
  private reportedAt = -LOG_EVERY_MS;

  constructor(private readonly options: PollerOptions) {}

  /** To be called whenever there may be a first wish. Settles, never with an error, when nothing is wanted any more. */
  async start(): Promise<void> {
    if (this.active) return;
    this.active = true;
    await detached(() => this.run());
  }

  /** Looks at once, and once more if it is just looking: there is news. Nothing if nobody wants it. */
  now(): void {
    this.due = true;
    this.pause?.abort();
  }

  private async run(): Promise<void> {
    while (this.options.isNeeded()) {
      this.due = false;
      const startedAt = performance.now();
      await this.options.poll().catch((error: unknown) => this.report(error));
      await this.rest(performance.now() - startedAt);
    }
    // In the same turn as the last look at what is wanted, or a wish that comes in between would be lost.
    this.active = false;
  }

  private async rest(lastPollMs: number): Promise<void> {
    if (this.due) return;
    this.pause = new AbortController();
    const { signal } = this.pause;
    const { everyMs, minPauseFactor = 0 } = this.options;
    const pauseMs = Math.max(everyMs(), minPauseFactor * lastPollMs);
    await sleep(pauseMs, undefined, { ref: false, signal }).catch(() => undefined);
    this.pause = undefined;
  }

  private report(err: unknown): void {
    const now = performance.now();
    if (now - this.reportedAt < LOG_EVERY_MS) return;
    this.reportedAt = now;
    this.logger.warn({ err }, `Could not look (${this.options.name}); looking again`);
  }
}
