import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../../database/transaction-runner';
import { IdempotencyKeyEntity } from './idempotency-key.entity';
import type { IdempotentRequest } from './idempotent-request';

@Injectable()
export class IdempotencyRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(IdempotencyKeyEntity);
  }

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

  async complete({ userId, key }: IdempotentRequest, result: object): Promise<void> {
    await this.db.query('UPDATE idempotency_keys SET result = $3 WHERE user_id = $1 AND key = $2', [
      userId,
      key,
      JSON.stringify(result),
    ]);
  }

  find({ userId, key }: IdempotentRequest): Promise<IdempotencyKeyEntity> {
    return this.rows.findOneByOrFail({ user_id: userId, key });
  }

  async forgetOlderThan(hours: number): Promise<void> {
    await this.db.query(`DELETE FROM idempotency_keys WHERE created_at < now() - $1 * interval '1 hour'`, [
      hours,
    ]);
  }
}
