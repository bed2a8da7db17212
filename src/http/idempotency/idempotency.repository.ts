import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../../database/transaction-runner';
import type { IdempotentRequest } from './idempotent-request';

/** What a key was used for; without a resource only inside of the transaction that makes it. */
export interface UsedKey {
  request_hash: Buffer;
  resource_id: string | null;
  status: number | null;
}

@Injectable()
export class IdempotencyRepository {
  constructor(private readonly db: TransactionRunner) {}

  /**
   * Takes the key; false if it is taken. Waits for a transaction that is about to take it, and then knows: this, and not a look
   * beforehand, lets exactly one of many through.
   */
  async claim({ userId, key, hash }: IdempotentRequest): Promise<boolean> {
    const rows: unknown[] = await this.db.query(
      `INSERT INTO idempotency_keys (user_id, key, request_hash) VALUES ($1, $2, $3)
       ON CONFLICT DO NOTHING RETURNING key`,
      [userId, key, hash],
    );
    return rows.length > 0;
  }

  async complete({ userId, key }: IdempotentRequest, resourceId: string, status: number): Promise<void> {
    await this.db.query(
      'UPDATE idempotency_keys SET resource_id = $3, status = $4 WHERE user_id = $1 AND key = $2',
      [userId, key, resourceId, status],
    );
  }

  async find({ userId, key }: IdempotentRequest): Promise<UsedKey | undefined> {
    const rows: UsedKey[] = await this.db.query(
      'SELECT request_hash, resource_id, status FROM idempotency_keys WHERE user_id = $1 AND key = $2',
      [userId, key],
    );
    return rows[0];
  }

  /** Of the user, at most `limit`; answers how many. */
  async deleteOf(userId: string, limit: number): Promise<number> {
    const rows = await this.db.query(
      `DELETE FROM idempotency_keys WHERE user_id = $1 AND key IN (
         SELECT key FROM idempotency_keys WHERE user_id = $1 LIMIT $2
       ) RETURNING 1 AS one`,
      [userId, limit],
    );
    return rows.length;
  }

  /** At most `limit`; answers how many. */
  async deleteOlderThan(hours: number, limit: number): Promise<number> {
    const rows = await this.db.query(
      `DELETE FROM idempotency_keys WHERE (user_id, key) IN (
         SELECT user_id, key FROM idempotency_keys WHERE created_at < now() - $1 * interval '1 hour' LIMIT $2
       ) RETURNING 1 AS one`,
      [hours, limit],
    );
    return rows.length;
  }
}
