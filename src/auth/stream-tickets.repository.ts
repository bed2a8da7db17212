import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';

@Injectable()
export class StreamTicketsRepository {
  constructor(private readonly db: TransactionRunner) {}

  /** Lifetimes are reckoned by the database's clock, which all instances share. */
  async insert(tokenHash: Buffer, userId: string, ttlSeconds: number): Promise<void> {
    await this.db.query(
      `INSERT INTO stream_tickets (token_hash, user_id, expires_at) VALUES ($1, $2, now() + make_interval(secs => $3))`,
      [tokenHash, userId, ttlSeconds],
    );
  }

  /** Removes a ticket and answers whose it was; undefined if it is unknown or expired. Only one of two callers gets it. */
  async take(tokenHash: Buffer): Promise<string | undefined> {
    const rows = await this.db.query<{ user_id: string; valid: boolean }>(
      `DELETE FROM stream_tickets WHERE token_hash = $1 RETURNING user_id, expires_at > now() AS valid`,
      [tokenHash],
    );
    return rows[0]?.valid ? rows[0].user_id : undefined;
  }

  async deleteExpired(): Promise<void> {
    await this.db.query(`DELETE FROM stream_tickets WHERE expires_at <= now()`);
  }
}
