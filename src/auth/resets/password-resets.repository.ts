import { Injectable } from '@nestjs/common';
import { STORAGE_BOUNDS } from '../../config/bounds';
import { deleteSlice } from '../../database/delete-slice';
import { TransactionRunner } from '../../database/transaction-runner';

/** Lifetimes are reckoned by the database's clock, which all instances share. */
@Injectable()
export class PasswordResetsRepository {
  constructor(private readonly db: TransactionRunner) {}

  async insert(tokenHash: Buffer, userId: string, ttlSeconds: number): Promise<Date> {
    const rows: { expires_at: Date }[] = await this.db.query(
      `INSERT INTO password_resets (token_hash, user_id, expires_at)
       VALUES ($1, $2, now() + make_interval(secs => $3)) RETURNING expires_at`,
      [tokenHash, userId, ttlSeconds],
    );
    return rows[0].expires_at;
  }

  /** Whose a token is; undefined if it is unknown, spent or expired. */
  async ownerOf(tokenHash: Buffer): Promise<string | undefined> {
    const rows: { user_id: string }[] = await this.db.query(
      'SELECT user_id FROM password_resets WHERE token_hash = $1 AND expires_at > now()',
      [tokenHash],
    );
    return rows[0]?.user_id;
  }

  /** How many tokens of the user can be used. */
  async countOf(userId: string): Promise<number> {
    const rows: { live: number }[] = await this.db.query(
      'SELECT count(*)::int AS live FROM password_resets WHERE user_id = $1 AND expires_at > now()',
      [userId],
    );
    return rows[0].live;
  }

  /** Spends a token; false if somebody else was first. */
  async take(tokenHash: Buffer): Promise<boolean> {
    const rows = await this.db.query(
      'DELETE FROM password_resets WHERE token_hash = $1 AND expires_at > now() RETURNING 1 AS one',
      [tokenHash],
    );
    return rows.length > 0;
  }

  async delete(userId: string, tokenHash: Buffer): Promise<void> {
    await this.db.query('DELETE FROM password_resets WHERE token_hash = $1 AND user_id = $2', [
      tokenHash,
      userId,
    ]);
  }

  /** All of the user but the newest `kept`. */
  async deleteOldOf(userId: string, kept: number): Promise<void> {
    await this.db.query(
      `DELETE FROM password_resets WHERE user_id = $1 AND token_hash IN (
         SELECT token_hash FROM password_resets WHERE user_id = $1 ORDER BY expires_at DESC, token_hash OFFSET $2
       )`,
      [userId, kept],
    );
  }

  /** Of the user, at most `limit`; answers how many. */
  async deleteOf(userId: string, limit: number): Promise<number> {
    const rows = await this.db.query(
      `DELETE FROM password_resets WHERE user_id = $1 AND token_hash IN (
         SELECT token_hash FROM password_resets WHERE user_id = $1 LIMIT $2
       ) RETURNING 1 AS one`,
      [userId, limit],
    );
    return rows.length;
  }

  /** Some of those whose time is over, whosever they are. */
  async deleteExpired(): Promise<void> {
    const { limit } = STORAGE_BOUNDS.expiredSlice;
    const where = 'expires_at <= now()';
    await deleteSlice(this.db, { table: 'password_resets', key: 'token_hash', where, limit });
  }
}
