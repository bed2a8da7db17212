import { Injectable } from '@nestjs/common';
import { REPLY_BOUNDS } from '../../../config/bounds';
import { TransactionRunner } from '../../../database/transaction-runner';
import type { JournalEntity } from './journal.entity';

export type JournalBatch = Pick<JournalEntity, 'batch' | 'payload'>;

/** Highest possible number of a batch. */
const LAST_BATCH = 2 ** 31 - 1;
const MAX_BATCHES = REPLY_BOUNDS.journalBatches.limit;

/**
 * SQL for the numbers of the process's next batches under a condition, in order: as many as have `bytes` bytes together, but at least
 * one. Their lengths are known without reading the payloads.
 */
const page = (condition: string, bytes: number) =>
  `SELECT batch FROM (
     SELECT batch, sum(octet_length(payload)) OVER (ORDER BY batch) - octet_length(payload) AS bytes_before
     FROM (
       SELECT batch, payload FROM reply_journal WHERE instance_id = $1 AND ${condition} ORDER BY batch LIMIT ${MAX_BATCHES}
     ) AS next
   ) AS page WHERE bytes_before < ${bytes}`;

const append = (setting: 'on' | 'off') =>
  `WITH commit AS (SELECT set_config('synchronous_commit', '${setting}', true))
   INSERT INTO reply_journal (instance_id, batch, payload)
   SELECT fence.instance_id, $2, $3 FROM reply_journal fence, commit
   WHERE fence.instance_id = $1 AND fence.batch = 0 FOR KEY SHARE OF fence RETURNING batch`;
const APPEND = append('off');
const APPEND_DURABLY = append('on');

/** Whether this page is full, so that more batches may follow. */
export function isFull(read: readonly JournalBatch[]): boolean {
  const characters = read.reduce((sum, { payload }) => sum + payload.length, 0);
  // A character takes up to three bytes of UTF-8.
  return read.length === MAX_BATCHES || characters * 3 >= REPLY_BOUNDS.journalPage.limit;
}

@Injectable()
export class JournalRepository {
  constructor(private readonly db: TransactionRunner) {}

  /**
   * Stores a batch; false if the process is no longer registered. `durable`: wait until the batch is on disk. Otherwise it survives the
   * end of this process, but not a crash of the database. The setting applies to this statement only, on whichever connection.
   */
  async append(instanceId: string, batch: number, payload: string, durable: boolean): Promise<boolean> {
    const rows = await this.db.query(durable ? APPEND_DURABLY : APPEND, [instanceId, batch, payload]);
    return rows.length > 0;
  }

  /** A page of the process's batches after batch `after`, in order; empty at the end. */
  read(instanceId: string, after: number): Promise<JournalBatch[]> {
    return this.db.query(
      `SELECT batch, payload FROM reply_journal
       WHERE instance_id = $1 AND batch IN (${page('batch > greatest($2::int, 0)', REPLY_BOUNDS.journalPage.limit)})
       ORDER BY batch`,
      [instanceId, after],
    );
  }

  /** Deletes the process's batches before `batch`, but never the fence, one page per statement. */
  async dropBefore(instanceId: string, batch: number): Promise<void> {
    const nextPage = page('batch BETWEEN 1 AND $2::int - 1', REPLY_BOUNDS.journalDrop.limit);
    for (let dropped = 1; dropped;) {
      const rows = await this.db.query(
        `DELETE FROM reply_journal WHERE instance_id = $1 AND batch IN (${nextPage}) RETURNING batch`,
        [instanceId, batch],
      );
      dropped = rows.length;
    }
  }

  /** Deletes the whole journal, the fence included, of a process that is no longer registered. */
  async drop(instanceId: string): Promise<void> {
    await this.dropBefore(instanceId, LAST_BATCH);
    await this.db.query('DELETE FROM reply_journal WHERE instance_id = $1 AND batch = 0', [instanceId]);
  }

  /** Ids of processes whose journals are not needed: no longer registered, and without an open reply. */
  async unneeded(): Promise<string[]> {
    const rows = await this.db.query<{ id: string }>(
      `WITH RECURSIVE journals AS (
         (SELECT instance_id AS id FROM reply_journal ORDER BY instance_id LIMIT 1)
         UNION ALL
         SELECT (SELECT j.instance_id FROM reply_journal j WHERE j.instance_id > journals.id ORDER BY j.instance_id LIMIT 1)
         FROM journals WHERE journals.id IS NOT NULL
       )
       SELECT id FROM journals WHERE id IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM instances i WHERE i.id = journals.id)
         AND NOT EXISTS (SELECT 1 FROM open_replies o WHERE o.instance_id = journals.id)`,
    );
    return rows.map(({ id }) => id);
  }
}
