import { Injectable } from '@nestjs/common';
import { IDENTITY_BOUNDS, STORAGE_BOUNDS } from '../../config/bounds';
import { deleteSlice } from '../../database/delete-slice';
import { TransactionRunner } from '../../database/transaction-runner';
import type { TokenFamily } from './refresh-token';

/** Whose a session is. */
export interface SessionOwner {
  user_id: string;
  expires_at: Date;
}

/** The refresh tokens of a session that goes on, and whose they are. */
export interface SessionFamily extends TokenFamily {
  user_id: string;
  /** The last rotation was so short a time ago that whoever missed it may still come with the token before. */
  in_leeway: boolean;
}

const FAMILY = `SELECT user_id, refresh_hash, token_key, salt,
    coalesce(rotated_at > clock_timestamp() - make_interval(secs => $2), false) AS in_leeway
  FROM sessions WHERE id = $1 AND expires_at > now()`;

/** Lifetimes are reckoned by the database's clock, which all instances share. */
@Injectable()
export class SessionsRepository {
  constructor(private readonly db: TransactionRunner) {}

  async insert(
    id: string,
    userId: string,
    tokens: Omit<TokenFamily, 'salt'>,
    ttlSeconds: number,
  ): Promise<void> {
    await this.db.query(
      `INSERT INTO sessions (id, user_id, refresh_hash, token_key, authenticated_at, expires_at)
       VALUES ($1, $2, $3, $4, now(), now() + make_interval(secs => $5))`,
      [id, userId, tokens.refresh_hash, tokens.token_key, ttlSeconds],
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

  /** Those beyond the number that a user may have: which were not refreshed for longest. */
  async surplusOf(userId: string): Promise<string[]> {
    const rows: { id: string }[] = await this.db.query(
      `SELECT id FROM sessions WHERE user_id = $1 ORDER BY expires_at DESC, id OFFSET $2 LIMIT $3`,
      [userId, IDENTITY_BOUNDS.sessionsOfUser.limit, STORAGE_BOUNDS.expiredSlice.limit],
    );
    return rows.map(({ id }) => id);
  }

  /** Undefined for a session that has ended. */
  async ownerOf(id: string): Promise<SessionOwner | undefined> {
    const rows: SessionOwner[] = await this.db.query(
      'SELECT user_id, expires_at FROM sessions WHERE id = $1 AND expires_at > now()',
      [id],
    );
    return rows[0];
  }

  /** Undefined for a session that has ended. */
  async findFamily(id: string, leewaySeconds: number): Promise<SessionFamily | undefined> {
    const rows: SessionFamily[] = await this.db.query(FAMILY, [id, leewaySeconds]);
    return rows[0];
  }

  /** The same, kept from changing until the transaction ends. */
  async lockFamily(id: string, leewaySeconds: number): Promise<SessionFamily | undefined> {
    const rows: SessionFamily[] = await this.db.query(`${FAMILY} FOR UPDATE`, [id, leewaySeconds]);
    return rows[0];
  }

  /** Puts the next token in the place of the present one. The family must be locked. */
  async rotate(id: string, next: TokenFamily, ttlSeconds: number): Promise<void> {
    await this.db.query(
      `UPDATE sessions SET refresh_hash = $2, token_key = $3, salt = $4, rotated_at = clock_timestamp(),
         expires_at = now() + make_interval(secs => $5)
       WHERE id = $1`,
      [id, next.refresh_hash, next.token_key, next.salt, ttlSeconds],
    );
  }

  /** The user has given the password again. */
  async markAuthenticated(userId: string, id: string): Promise<void> {
    await this.db.query('UPDATE sessions SET authenticated_at = now() WHERE user_id = $1 AND id = $2', [
      userId,
      id,
    ]);
  }

  /** Whether the user gave the password in this session, and not longer ago than so. */
  async isRecentlyAuthenticated(userId: string, id: string, maxAgeSeconds: number): Promise<boolean> {
    const rows = await this.db.query(
      `SELECT 1 FROM sessions WHERE user_id = $1 AND id = $2 AND expires_at > now()
         AND authenticated_at > now() - make_interval(secs => $3)`,
      [userId, id, maxAgeSeconds],
    );
    return rows.length > 0;
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

  /** Some of those whose time is over, whosever they are. */
  async deleteExpired(): Promise<void> {
    const { limit } = STORAGE_BOUNDS.expiredSlice;
    await deleteSlice(this.db, { table: 'sessions', key: 'id', where: 'expires_at <= now()', limit });
  }
}
