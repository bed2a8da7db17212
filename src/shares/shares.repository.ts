import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import { shareBytes } from '../messages/share-bytes';
import type { ShareEntity } from './share.entity';
import type { SharedMessage } from './shared-messages';

export type Share = Readonly<Omit<ShareEntity, 'conversation' | 'kept' | 'token_hash'>>;
export type OpenedShare = Share & { kept: SharedMessage[] | null };
export type NewShare = Omit<ShareEntity, 'conversation' | 'kept'>;

/** After which entry a page begins; the time in ISO 8601. */
export interface SharePosition {
  created_at: string;
  id: string;
}

/** A path, and the shares that show it. */
export interface Snapshot {
  message_id: string;
  conversation_id: string;
  ids: string[];
}

const COLUMNS =
  's.user_id, s.id, s.conversation_id, s.live, s.message_id, s.title, s.created_at, s.expires_at';
const IS_THERE = `(s.expires_at IS NULL OR s.expires_at > now()) AND EXISTS (
  SELECT 1 FROM conversations c WHERE c.id = s.conversation_id AND c.user_id = s.user_id AND c.deleted_at IS NULL)`;

/** Lifetimes are reckoned by the database's clock, which all instances share. */
@Injectable()
export class SharesRepository {
  constructor(private readonly db: TransactionRunner) {}

  /** Answers how many bytes it stores. */
  async insert(share: NewShare): Promise<number> {
    const rows = await this.db.query<{ bytes: number }>(
      `INSERT INTO shares AS s (user_id, id, conversation_id, token_hash, live, message_id, title, created_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ${shareBytes('s')} AS bytes`,
      [
        share.user_id,
        share.id,
        share.conversation_id,
        share.token_hash,
        share.live,
        share.message_id,
        share.title,
        share.created_at,
        share.expires_at,
      ],
    );
    return rows[0].bytes;
  }

  /** Whosever it is: the token is all that a reader has. Nothing of somebody who is locked out. */
  async open(tokenHash: Buffer): Promise<OpenedShare | undefined> {
    const rows = await this.db.query<OpenedShare>(
      `SELECT ${COLUMNS}, s.kept FROM shares s JOIN users u ON u.id = s.user_id AND u.is_active
       WHERE s.token_hash = $1 AND (s.expires_at IS NULL OR s.expires_at > now())`,
      [tokenHash],
    );
    return rows[0];
  }

  async find(userId: string, id: string): Promise<Share | undefined> {
    const rows = await this.db.query<Share>(
      `SELECT ${COLUMNS} FROM shares s WHERE s.user_id = $1 AND s.id = $2 AND ${IS_THERE}`,
      [userId, id],
    );
    return rows[0];
  }

  async countOf(userId: string): Promise<number> {
    const rows = await this.db.query<{ shares: number }>(
      'SELECT count(*)::int AS shares FROM shares WHERE user_id = $1',
      [userId],
    );
    return rows[0].shares;
  }

  /** Newest first. */
  list(
    userId: string,
    conversationId: string | undefined,
    after: SharePosition | undefined,
    limit: number,
  ): Promise<Share[]> {
    return this.db.query(
      `SELECT ${COLUMNS} FROM shares s
       WHERE s.user_id = $1 AND ($2::uuid IS NULL OR s.conversation_id = $2) AND ${IS_THERE}
         AND ($3::timestamptz IS NULL OR (s.created_at, s.id) < ($3, $4::uuid))
       ORDER BY s.created_at DESC, s.id DESC LIMIT $5`,
      [userId, conversationId ?? null, after?.created_at ?? null, after?.id ?? null, limit],
    );
  }

  /** All of the user with what is kept of them, in the order of their ids. */
  async listAll(userId: string, afterId: string | undefined, limit: number): Promise<OpenedShare[]> {
    return this.db.query(
      `SELECT ${COLUMNS}, s.kept FROM shares s
       WHERE s.user_id = $1 AND ($2::uuid IS NULL OR s.id > $2) ORDER BY s.id LIMIT $3`,
      [userId, afterId ?? null, limit],
    );
  }

  /** Of a conversation that is locked; how many bytes it stored, undefined if there is none. */
  async delete(userId: string, id: string): Promise<number | undefined> {
    const rows = await this.db.query<{ bytes: number }>(
      `DELETE FROM shares s WHERE s.user_id = $1 AND s.id = $2 RETURNING ${shareBytes('s')} AS bytes`,
      [userId, id],
    );
    return rows[0]?.bytes;
  }

  /** Shares of paths as they were that end at one of these messages, and of which nothing is kept yet: those of each path. */
  snapshotsOf(userId: string, messageIds: string[]): Promise<Snapshot[]> {
    return this.db.query(
      `SELECT message_id, conversation_id, array_agg(id) AS ids FROM shares
       WHERE user_id = $1 AND message_id = ANY($2) AND NOT live AND kept IS NULL GROUP BY message_id, conversation_id`,
      [userId, messageIds],
    );
  }

  /** Keeps a path, which is about to be deleted, for these shares of it; answers the bytes. */
  async keep(userId: string, ids: string[], path: string): Promise<number> {
    const [{ bytes }] = await this.db.query<{ bytes: number }>(
      `WITH given AS (SELECT $3::jsonb AS kept), keeping AS (
         UPDATE shares s SET kept = given.kept FROM given WHERE s.user_id = $1 AND s.id = ANY($2) RETURNING 1 AS one
       ) SELECT (SELECT octet_length(kept::text) FROM given) * (SELECT count(*) FROM keeping)::float8 AS bytes`,
      [userId, ids, path],
    );
    return bytes;
  }

  /** What is kept for all shares of the user, as it is stored. */
  async keptOf(userId: string): Promise<number> {
    const [{ bytes }] = await this.db.query<{ bytes: number }>(
      'SELECT COALESCE(sum(pg_column_size(kept)), 0)::float8 AS bytes FROM shares WHERE user_id = $1',
      [userId],
    );
    return bytes;
  }

  /** Live shares of paths through messages that are being deleted. They store nothing. */
  async deleteLiveOf(userId: string, messageIds: string[]): Promise<void> {
    await this.db.query('DELETE FROM shares WHERE user_id = $1 AND message_id = ANY($2) AND live', [
      userId,
      messageIds,
    ]);
  }

  /** Of conversations that are being removed, at most `limit`; answers how many. */
  async deleteIn(userId: string, conversationIds: string[], limit: number): Promise<number> {
    const rows = await this.db.query(
      `DELETE FROM shares WHERE user_id = $1 AND id IN (
         SELECT id FROM shares WHERE user_id = $1 AND conversation_id = ANY($2) LIMIT $3
       ) RETURNING 1 AS one`,
      [userId, conversationIds, limit],
    );
    return rows.length;
  }

  /** Of the user, at most `limit`; answers how many. */
  async deleteOf(userId: string, limit: number): Promise<number> {
    const rows = await this.db.query(
      `DELETE FROM shares WHERE user_id = $1 AND id IN (SELECT id FROM shares WHERE user_id = $1 LIMIT $2) RETURNING 1 AS one`,
      [userId, limit],
    );
    return rows.length;
  }

  /** Some of those whose time is over, whosever they are. */
  expired(limit: number): Promise<Pick<Share, 'user_id' | 'id' | 'conversation_id'>[]> {
    return this.db.query(
      'SELECT user_id, id, conversation_id FROM shares WHERE expires_at <= now() ORDER BY expires_at LIMIT $1',
      [limit],
    );
  }
}
