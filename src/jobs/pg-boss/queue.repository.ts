import { Injectable } from '@nestjs/common';
import { DatabaseState } from '../../database/database-state';
import { TransactionRunner } from '../../database/transaction-runner';

/** Enough to wake every place there is. */
const MOST_READY = 1_000;

/** What is read from pg-boss's tables in our own words; its version is pinned. None of it names a user. */
@Injectable()
export class QueueRepository {
  constructor(
    private readonly db: TransactionRunner,
    private readonly database: DatabaseState,
  ) {}

  get available(): boolean {
    return this.database.ready;
  }

  whenAvailable(): Promise<void> {
    return this.database.whenReady();
  }

  get inTransaction(): boolean {
    return this.db.inTransaction;
  }

  /** Once the caller's transaction is committed; at once outside of one. */
  afterCommit(announce: () => void): void {
    this.db.afterCommit(announce);
  }

  /** How pg-boss sends its statements. In the transaction of whoever calls it, if there is one. */
  async executeSql(text: string, values?: unknown[]): Promise<{ rows: object[] }> {
    return { rows: await this.db.query(text, values) };
  }

  /** Nothing if it is there. */
  async createQueue(name: string, options: object): Promise<void> {
    await this.db.query('SELECT jobs.create_queue($1, $2)', [name, JSON.stringify(options)]);
  }

  /** Of each type how many jobs could begin now, and whether one was begun by a process that has lost it. */
  ready(): Promise<{ name: string; jobs: number; lost: boolean }[]> {
    return this.db.query(
      `SELECT name, count(*) FILTER (WHERE state < 'active')::int AS jobs, bool_or(state = 'active') AS lost FROM (
         (SELECT name, state FROM jobs.job_common WHERE state < 'active' AND NOT blocked AND start_after <= now() LIMIT ${MOST_READY})
         UNION ALL
         (SELECT name, state FROM jobs.job_common WHERE state = 'active' AND (heartbeat_on + heartbeat_seconds * interval '1 second' < now()
            OR started_on + expire_seconds * interval '1 second' < now()) LIMIT ${MOST_READY})
       ) AS ready GROUP BY name`,
    );
  }

  /** Jobs that a process has begun. */
  active(): Promise<{ name: string; ids: string[] }[]> {
    return this.db.query(
      `SELECT name, array_agg(id) AS ids FROM jobs.job_common WHERE state = 'active' GROUP BY name`,
    );
  }
}
