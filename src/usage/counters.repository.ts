import { Injectable } from '@nestjs/common';
import { ownBytes } from '../conversations/conversation-bytes';
import { TransactionRunner } from '../database/transaction-runner';
import { feedbackBytes } from '../messages/given-feedback';
import { shareBytes } from '../messages/share-bytes';
import { messageBytes } from '../messages/message-bytes';

/** A conversation whose counters differ from its contents. */
export interface WrongCounters {
  id: string;
  stored_bytes: string;
  counted_bytes: string;
  message_count: number;
  counted_messages: number;
}

const COUNTED = `${ownBytes('c')}
  + (SELECT COALESCE(sum(${messageBytes('m')}), 0) FROM messages m WHERE m.conversation_id = c.id AND m.user_id = c.user_id)
  + (SELECT COALESCE(sum(${feedbackBytes('f')}), 0) FROM feedback f WHERE f.conversation_id = c.id AND f.user_id = c.user_id)
  + (SELECT COALESCE(sum(${shareBytes('s')}), 0) FROM shares s WHERE s.conversation_id = c.id AND s.user_id = c.user_id)`;

/** Counters of the conversations of all users, compared with their contents. */
@Injectable()
export class CountersRepository {
  constructor(private readonly db: TransactionRunner) {}

  /** Ids of conversations after this one, in order, without those that are being removed. */
  async ids(after: string | undefined, limit: number): Promise<string[]> {
    const rows: { id: string }[] = await this.db.query(
      `SELECT id FROM conversations WHERE ($1::uuid IS NULL OR id > $1) AND deleted_at IS NULL ORDER BY id LIMIT $2`,
      [after ?? null, limit],
    );
    return rows.map(({ id }) => id);
  }

  /** Locks these conversations, so that their contents do not change until the transaction ends. */
  async lock(ids: string[]): Promise<void> {
    await this.db.query('SELECT 1 FROM conversations WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE', [
      ids,
    ]);
  }

  /** The given conversations whose counters are wrong; counters and contents are read in one statement. */
  wrong(ids: string[]): Promise<WrongCounters[]> {
    return this.db.query(
      `SELECT * FROM (
         SELECT c.id, c.stored_bytes, ${COUNTED} AS counted_bytes, c.message_count,
           (SELECT count(*)::int FROM messages m WHERE m.conversation_id = c.id AND m.user_id = c.user_id) AS counted_messages
         FROM conversations c WHERE c.id = ANY($1) AND c.deleted_at IS NULL
       ) AS counted WHERE stored_bytes <> counted_bytes OR message_count <> counted_messages ORDER BY id`,
      [ids],
    );
  }

  /** Corrects the counters of locked conversations. */
  async correct(found: WrongCounters[]): Promise<void> {
    await this.db.query(
      `UPDATE conversations c SET stored_bytes = w.bytes, message_count = w.messages
       FROM unnest($1::uuid[], $2::bigint[], $3::int[]) AS w (id, bytes, messages) WHERE c.id = w.id`,
      [
        found.map(({ id }) => id),
        found.map(({ counted_bytes }) => counted_bytes),
        found.map(({ counted_messages }) => counted_messages),
      ],
    );
  }
}
