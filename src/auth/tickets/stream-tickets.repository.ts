import { Injectable } from '@nestjs/common';
import { STORAGE_BOUNDS } from '../../config/bounds';
import { deleteSlice } from '../../database/delete-slice';
import { TransactionRunner } from '../../database/transaction-runner';

/** The user who got a ticket, and the credential that it was got with. */
export interface TicketOwner {
  user_id: string;
  session_id: string | null;
  key_id: string | null;
  identity_expires_at: Date | null;
}

@Injectable()
export class StreamTicketsRepository {
  constructor(private readonly db: TransactionRunner) {}

  /** Lifetimes are reckoned by the database's clock, which all instances share. */
  async insert(tokenHash: Buffer, owner: TicketOwner, ttlSeconds: number): Promise<void> {
    await this.db.query(
      `INSERT INTO stream_tickets (token_hash, user_id, session_id, key_id, identity_expires_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))`,
      [tokenHash, owner.user_id, owner.session_id, owner.key_id, owner.identity_expires_at, ttlSeconds],
    );
  }

  /** Removes a ticket and answers whose it was; undefined if it is unknown or expired. Only one of two callers gets it. */
  async take(tokenHash: Buffer): Promise<TicketOwner | undefined> {
    const rows = await this.db.query<TicketOwner & { valid: boolean }>(
      `DELETE FROM stream_tickets WHERE token_hash = $1
       RETURNING user_id, session_id, key_id, identity_expires_at, expires_at > now() AS valid`,
      [tokenHash],
    );
    return rows[0]?.valid ? rows[0] : undefined;
  }

  /** Of the user, at most `limit`; answers how many. */
  async deleteOf(userId: string, limit: number): Promise<number> {
    const rows = await this.db.query(
      `DELETE FROM stream_tickets WHERE user_id = $1 AND token_hash IN (
         SELECT token_hash FROM stream_tickets WHERE user_id = $1 LIMIT $2
       ) RETURNING 1 AS one`,
      [userId, limit],
    );
    return rows.length;
  }

  /** Some of those whose time is over, whosever they are. */
  async deleteExpired(): Promise<void> {
    const { limit } = STORAGE_BOUNDS.expiredSlice;
    const where = 'expires_at <= now()';
    await deleteSlice(this.db, { table: 'stream_tickets', key: 'token_hash', where, limit });
  }
}
