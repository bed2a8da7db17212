import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseState } from './database-state';
import { isOutage, isStorageFull, reasonOf } from './database-error';
import { StorageWatch } from './storage-watch';

const POLL_INTERVAL_MS = 1_000;

/**
 * Says once that the database is lost, and once that it is back. Everything that works in the background notices an outage, again and again: these lines
 * go to level `debug`. One failed statement is no outage: the database is asked, and the line waits for the answer (2 s at most).
 */
@Injectable()
export class DatabaseWatch implements OnModuleDestroy {
  private readonly logger = new Logger('Database');
  /** `performance.now()`; undefined while it is there. */
  private lostAt: number | undefined;
  private asked: Promise<boolean> | undefined;
  private readonly ended = new AbortController();

  constructor(
    private readonly state: DatabaseState,
    private readonly storage: StorageWatch,
  ) {}

  onModuleDestroy(): void {
    this.ended.abort();
  }

  /**
   * Whether a line of the log tells no more than what has been told of the database already.
   * @param cause what the line is about
   */
  repeats(cause: unknown): boolean | Promise<boolean> {
    if (isStorageFull(cause)) return this.storage.full;
    if (!isOutage(cause)) return false;
    // While it is not connected yet, `DatabaseConnector` tells; and nobody wants to hear that it was closed in order.
    if (this.lostAt !== undefined || !this.state.ready) return true;
    this.asked ??= this.ask(cause).finally(() => (this.asked = undefined));
    return this.asked;
  }

  /** Whether it is lost. */
  private async ask(cause: unknown): Promise<boolean> {
    if ((await this.state.check()) || !this.state.ready) return !this.state.ready;
    this.lostAt = performance.now();
    this.logger.error({ reason: reasonOf(cause), msg: 'The database is lost' });
    void this.awaitReturn(this.lostAt);
    return true;
  }

  private async awaitReturn(lostAt: number): Promise<void> {
    const { signal } = this.ended;
    do await sleep(POLL_INTERVAL_MS, undefined, { ref: false, signal }).catch(() => undefined);
    while (!signal.aborted && !(await this.state.check()));
    if (signal.aborted) return;
    this.lostAt = undefined;
    this.logger.log({ ms: Math.round(performance.now() - lostAt), msg: 'The database is back' });
  }
}
