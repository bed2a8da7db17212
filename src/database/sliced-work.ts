import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { STORAGE_BOUNDS } from '../config/bounds';

const MOST = STORAGE_BOUNDS.rowsOfSlice.limit;
const FEWEST = 50;
const AIM_MS = STORAGE_BOUNDS.sliceTime.limit;
/** Between two looks for work that another process, or this one before it ended, has left behind. */
const POLL_INTERVAL_MS = 10_000;
const LONGEST_PAUSE_MS = 2_000;

/** How many rows a slice takes: what can be done in the time that it may take, by what the last one took. */
export class SliceSize {
  private rows: number = MOST;

  async of<T>(work: (rows: number) => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await work(this.rows);
    } finally {
      // One that failed may have been too much as well.
      const fitting = Math.round((this.rows * AIM_MS) / Math.max(performance.now() - began, 1));
      this.rows = Math.min(Math.max(fitting, FEWEST), MOST);
    }
  }
}

export interface SlicedWorkOptions {
  /** What is done, in a word or two for the log. */
  name: string;
  /** Does a piece, in a transaction of its own; false if there was nothing to do. Several processes may do so at once. */
  slice: (rows: number) => Promise<boolean>;
}

/**
 * Work that is too much for one transaction, done in the background, one slice at a time. What is to be done stands in the database, so
 * that it goes on after a restart and in any process. Pauses are as long as slices, so that others get at least as much of the database.
 */
export class SlicedWork {
  private readonly logger = new Logger(SlicedWork.name);
  private readonly size = new SliceSize();
  private readonly stop = new AbortController();
  private wakeup = Promise.withResolvers<void>();
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: SlicedWorkOptions) {}

  /** At the start of the process, so that it belongs to no request. */
  begin(): void {
    this.running = this.run();
  }

  /** There is something to do. */
  wake(): void {
    this.wakeup.resolve();
  }

  /** Settles when the last slice is done. */
  async end(): Promise<void> {
    this.stop.abort();
    this.wake();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stop.signal.aborted) {
      const began = performance.now();
      const done = await this.size.of(this.options.slice).catch((error: unknown) => this.report(error));
      if (done) await this.pause(Math.min(performance.now() - began, LONGEST_PAUSE_MS));
      else await this.rest();
    }
  }

  /** Until there is work, or it is time to look for it. */
  private async rest(): Promise<void> {
    await Promise.race([this.pause(POLL_INTERVAL_MS), this.wakeup.promise]);
    this.wakeup = Promise.withResolvers();
  }

  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { ref: false, signal: this.stop.signal }).catch(() => undefined);
  }

  private report(err: unknown): void {
    if (!this.stop.signal.aborted)
      this.logger.warn({ err }, `A slice failed (${this.options.name}); later again`);
  }
}
