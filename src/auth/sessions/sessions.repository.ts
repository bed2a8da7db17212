import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../../database/transaction-runner';
import type { UserState } from '../../users/user.types';

export interface SessionUser extends UserState {
  user_id: string;
  expires_at: Date;
}

/** Lifetimes are reckoned by the database's clock, which all instances share. */
@Injectable()
export class SessionsRepository {
  constructor(private readonly db: TransactionRunner) {}

  async insert(id: string, userId: string, refreshHash: Buffer, ttlSeconds: number): Promise<void> {
    await this.db.query(
      `INSERT INTO sessions (id, user_id, refresh_hash, expires_at)
       VALUES ($1, $2, $3, now() + make_interval(secs => $4))`,
      [id, userId, refreshHash, ttlSeconds],
    );
  }

  /** In the order of their ids. */
  listOf(
    userId: string,
    afterId: string | undefined,
    limit: number,
  ): Promise<{ id: string; created_at: Date; expires_at: Date }[]> {
    return this.db.query(
      `SELECT id, created_at, expires_at FROM sessions
       WHERE user_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3`,
      [userId, afterId ?? null, limit],
    );
  }

  /** Whose session it is; undefined for one that has ended or whose user is locked out. */
  async findUser(id: string): Promise<SessionUser | undefined> {
    const rows: SessionUser[] = await this.db.query(
      `SELECT s.user_id, s.expires_at, u.role, u.is_active FROM sessions s JOIN users u ON u.id = s.user_id
       WHERE s.id = $1 AND s.expires_at > now() AND u.is_active`,
      [id],
    );
    return rows[0];
  }

  /** Puts a new token in the place of this one; the user, or undefined if this is not the session's unspent token. Only one of two gets it. */
  async rotate(id: string, spent: Buffer, next: Buffer, ttlSeconds: number): Promise<string | undefined> {
    const rows = await this.db.query<{ user_id: string }>(
      `UPDATE sessions s SET refresh_hash = $3, expires_at = now() + make_interval(secs => $4)
       FROM users u
       WHERE s.id = $1 AND s.refresh_hash = $2 AND s.expires_at > now() AND u.id = s.user_id AND u.is_active
       RETURNING s.user_id`,
      [id, spent, next, ttlSeconds],
    );
    return rows[0]?.user_id;
  }

  /** Whose session it is that has another token by now. */
  async findOwnerOfSpent(id: string, spent: Buffer): Promise<string | undefined> {
    const rows: { user_id: string }[] = await this.db.query(
      'SELECT user_id FROM sessions WHERE id = $1 AND refresh_hash <> $2',
      [id, spent],
    );
    return rows[0]?.user_id;
  }

  async delete(userId: string, id: string): Promise<void> {
    await this.db.query('DELETE FROM sessions WHERE user_id = $1 AND id = $2', [userId, id]);
  }

  /** All of the user, but the one. */
  async deleteOthers(userId: string, keptId: string | undefined): Promise<void> {
    await this.db.query('DELETE FROM sessions WHERE user_id = $1 AND id IS DISTINCT FROM $2::uuid', [
      userId,
      keptId ?? null,
    ]);
  }

  /** Of the user, at most `limit`; answers how many. */
  async deleteOf(userId: string, limit: number): Promise<number> {
    const rows = await this.db.query(
      `DELETE FROM sessions WHERE user_id = $1 AND id IN (
         SELECT id FROM sessions WHERE user_id = $1 LIMIT $2
       ) RETURNING 1 AS one`,
      [userId, limit],
    );
    return rows.length;
  }

  /** Whether this is a user who is being erased. */
  async isErasing(userId: string): Promise<boolean> {
    const rows = await this.db.query('SELECT 1 AS one FROM users WHERE id = $1 AND erased_as IS NOT NULL', [
      userId,
    ]);
    return rows.length > 0;
  }

  async deleteExpired(): Promise<void> {
    await this.db.query('DELETE FROM sessions WHERE expires_at <= now()');
  }
}
