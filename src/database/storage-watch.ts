import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { STORAGE_BOUNDS } from '../config/bounds';
import { detached } from '../common/detached';
import { isStorageFull, isUnavailable, reasonOf } from './database-error';
import { FailedStatements } from './failed-statements';
import { TransactionRunner } from './transaction-runner';

const POLL_INTERVAL_MS = 2_000;
const PIECE_BYTES = 8 * 1024;
/**
 * A sort that finds no room in memory writes what it sorts to the disk of the database, and removes it. Nothing is changed by it. Two columns: the
 * embedded engine sorts one in memory, whatever it takes.
 */
const WRITE_FOR_A_MOMENT = `
  SELECT count(*) FROM (SELECT n, repeat(md5(n::text), ${PIECE_BYTES / 32}) AS piece
                          FROM generate_series(1, ${STORAGE_BOUNDS.roomAgain.limit / PIECE_BYTES}) n ORDER BY piece, n OFFSET 0) pieces`;

/**
 * Whether the disk of the database is full: from the first statement that fails for it (SQLSTATE 53100, ENOSPC) until some megabytes can be written again.
 * Meanwhile every statement is tried all the same: reading goes on, and deleting is what helps.
 */
@Injectable()
export class StorageWatch implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger('Database');
  private readonly ended = new AbortController();
  private isFull = false;

  constructor(
    private readonly failed: FailedStatements,
    private readonly db: TransactionRunner,
  ) {}

  get full(): boolean {
    return this.isFull;
  }

  onModuleInit(): void {
    this.failed.subscribe((error) => {
      if (!this.isFull && isStorageFull(error)) void detached(() => this.awaitRoom(error));
    });
  }

  onModuleDestroy(): void {
    this.ended.abort();
  }

  private async awaitRoom(cause: unknown): Promise<void> {
    const since = performance.now();
    this.isFull = true;
    this.logger.error({
      reason: reasonOf(cause),
      msg: 'The disk of the database is full: nothing can be stored. What is deleted, and room on the disk, helps',
    });
    const { signal } = this.ended;
    do await sleep(POLL_INTERVAL_MS, undefined, { ref: false, signal }).catch(() => undefined);
    while (!signal.aborted && !(await this.hasRoom()));
    if (signal.aborted) return;
    this.isFull = false;
    this.logger.log({
      ms: Math.round(performance.now() - since),
      msg: 'The disk of the database has room again',
    });
  }

  private async hasRoom(): Promise<boolean> {
    try {
      await this.db.run(async (manager) => {
        await manager.query(`SET LOCAL work_mem = '64kB'`);
        await manager.query(WRITE_FOR_A_MOMENT);
      });
      return true;
    } catch (error) {
      // Another failure says nothing of the disk, but that the database can be asked.
      return !isUnavailable(error);
    }
  }
}
