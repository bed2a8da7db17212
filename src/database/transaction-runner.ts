import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DatabaseError, type Pool, type QueryResult, type QueryResultRow } from 'pg';
import { DataSource, type EntityManager, type QueryRunner } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { isSerializationFailure, unavailable } from './database-error';
import { isLostPlan } from './prepared-statements';

const ATTEMPTS = 4;
const RETRY_DELAY_MS = 25;

interface Transaction {
  manager: EntityManager;
  active: boolean;
  /** What is to be told once it is committed. */
  announcements: (() => void)[];
}

/**
 * The way to the database, and the only way to a transaction.
 *
 * Repositories use `manager` for every query and so take part in the transaction of their caller, if there is one,
 * without a parameter for it. That also keeps a query inside a transaction from waiting for a second connection, which
 * never comes where the pool has one.
 */
@Injectable()
export class TransactionRunner {
  private readonly transactions = new AsyncLocalStorage<Transaction>();

  constructor(private readonly dataSource: DataSource) {}

  /**
   * The manager of the transaction that the caller runs in, otherwise one that takes a connection per query. Work that was
   * started inside a transaction and outlives it gets the latter. Throws `database_unavailable` until the first connection.
   */
  get manager(): EntityManager {
    const transaction = this.current();
    if (transaction) return transaction.manager;
    if (!this.dataSource.isInitialized) throw unavailable();
    return this.dataSource.manager;
  }

  /** Connections of the pool, and who waits for one. */
  get pool(): { total: number; idle: number; waiting: number } {
    if (!this.dataSource.isInitialized) return { total: 0, idle: 0, waiting: 0 };
    const { totalCount: total, idleCount: idle, waitingCount: waiting } = poolOf(this.dataSource);
    return { total, idle, waiting };
  }

  /** Whether the caller runs in a transaction, and so may hold the only session there is. */
  get inTransaction(): boolean {
    return this.current() !== undefined;
  }

  /**
   * The rows of one statement, in the caller's transaction if there is one. Outside of one it goes straight to the pool, and a text without
   * parameters may be several statements, whose rows come one after the other.
   */
  async query<Row extends object>(statement: string, parameters: unknown[] = []): Promise<Row[]> {
    const runner = this.current()?.manager.queryRunner;
    if (runner) return (await runner.query(statement, parameters, true)).records as Row[];
    if (!this.dataSource.isInitialized) throw unavailable();
    const client = await poolOf(this.dataSource).connect();
    try {
      const result: QueryResult<Row & QueryResultRow> | QueryResult<Row & QueryResultRow>[] =
        await client.query(statement, parameters);
      return Array.isArray(result) ? result.flatMap(({ rows }) => rows) : result.rows;
    } catch (error) {
      // Several statements may have begun a transaction, in which they leave the session to whoever comes next.
      if (!parameters.length && error instanceof DatabaseError)
        await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    } finally {
      client.release();
    }
  }

  /**
   * Runs the work in a transaction (read committed): commits when it resolves, rolls back when it throws. Inside another
   * `run` it joins that one. After a deadlock or a serialization failure the whole work is run again, up to three times,
   * so it must have no other effects; no model call, no event inside.
   *
   * A statement that fails spoils the whole transaction, also when its error is caught: `run` then throws instead of
   * pretending to have committed.
   */
  async run<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const outer = this.current();
    if (outer) return work(outer.manager);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.attempt(work);
      } catch (error) {
        if (attempt === ATTEMPTS || !(isSerializationFailure(error) || isLostPlan(error))) throw error;
        await sleep(RETRY_DELAY_MS * attempt * (0.5 + Math.random()));
      }
    }
  }

  /** Once the caller's transaction is committed, and only then; at once outside of one. */
  afterCommit(announce: () => void): void {
    const transaction = this.current();
    if (transaction) transaction.announcements.push(announce);
    else announce();
  }

  private async attempt<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const announcements: (() => void)[] = [];
    const done = await this.manager.transaction(async (manager) => {
      const transaction: Transaction = { manager, active: true, announcements };
      const failed = watchFailures(manager);
      try {
        const result = await this.transactions.run(transaction, () => work(manager));
        if (failed()) await assertIntact(manager);
        return result;
      } finally {
        transaction.active = false;
      }
    });
    for (const announce of announcements) announce();
    return done;
  }

  private current(): Transaction | undefined {
    const transaction = this.transactions.getStore();
    return transaction?.active ? transaction : undefined;
  }
}

/** The pool that TypeORM made. Its own way to it costs more than a small statement. */
function poolOf(dataSource: DataSource): Pool {
  return (dataSource.driver as PostgresDriver).master as Pool;
}

/** Returns a function that tells whether any statement of the transaction has failed. */
function watchFailures({ queryRunner }: EntityManager): () => boolean {
  let failed = false;
  if (!queryRunner) return () => failed;
  const query = queryRunner.query.bind(queryRunner) as (...args: unknown[]) => Promise<unknown>;
  const watched = (...args: unknown[]): Promise<unknown> =>
    query(...args).catch((error: unknown) => {
      failed = true;
      throw error;
    });
  queryRunner.query = watched as QueryRunner['query'];
  return () => failed;
}

/** PostgreSQL answers COMMIT of a failed transaction with a silent rollback; any other statement, with an error. */
async function assertIntact(manager: EntityManager): Promise<void> {
  try {
    await manager.query('SELECT 1');
  } catch (cause) {
    throw new Error(
      'A statement of this transaction failed and its error was caught: nothing was committed.',
      { cause },
    );
  }
}
