import { Injectable } from '@nestjs/common';
import { removingEntries } from '../search/index/entries';
import { textOfParts } from '../search/index/text-of-parts';
import { TransactionRunner } from '../database/transaction-runner';
import { messageBytes } from './message-bytes';
import type { MessageEntity } from './message.entity';
import type { ConversationRef } from './message.types';
import { IS_THERE } from './messages.repository';

export type SubtreeMessage = Pick<
  MessageEntity,
  'id' | 'parent_id' | 'branch_id' | 'role' | 'sequence' | 'status'
>;

export type OtherVersion = Pick<MessageEntity, 'id' | 'branch_id'>;

const COLUMNS = ['id', 'user_id', 'parent_id', 'branch_id', 'role', 'sequence', 'status'];
const columnsOf = (row: string) => COLUMNS.map((name) => `${row}.${name}`).join(', ');

/** Messages below a message, in a conversation that is locked. */
@Injectable()
export class SubtreesRepository {
  constructor(private readonly db: TransactionRunner) {}

  /** Id of the conversation of a user's message. */
  async conversationOf(userId: string, id: string): Promise<string | undefined> {
    const rows = await this.db.query<{ conversation_id: string }>(
      `SELECT m.conversation_id FROM messages m WHERE m.id = $1 AND m.user_id = $2 AND ${IS_THERE}`,
      [id, userId],
    );
    return rows.at(0)?.conversation_id;
  }

  /** The message and all messages below it, at most `limit`; none if it is in another conversation. */
  below({ userId, conversationId }: ConversationRef, id: string, limit: number): Promise<SubtreeMessage[]> {
    return this.db.query(
      `WITH RECURSIVE below (${COLUMNS.join(', ')}) AS (
         SELECT ${columnsOf('m')} FROM messages m WHERE m.id = $1 AND m.conversation_id = $2 AND m.user_id = $3
       UNION ALL
         SELECT ${columnsOf('m')} FROM below b JOIN messages m
           ON m.conversation_id = $2 AND m.parent_id = b.id AND m.user_id = b.user_id
       ) SELECT id, parent_id, branch_id, role, sequence, status FROM below LIMIT $4`,
      [id, conversationId, userId, limit],
    );
  }

  /** The newest other version of a message. */
  async newestBeside(
    { userId, conversationId }: ConversationRef,
    { id, parent_id }: Pick<MessageEntity, 'id' | 'parent_id'>,
  ): Promise<OtherVersion | undefined> {
    const rows = await this.db.query<OtherVersion>(
      `SELECT id, branch_id FROM messages WHERE conversation_id = $1 AND user_id = $2
         AND parent_id ${parent_id === null ? 'IS NULL' : '= $4'} AND id <> $3 ORDER BY sequence DESC LIMIT 1`,
      [conversationId, userId, id, ...(parent_id === null ? [] : [parent_id])],
    );
    return rows.at(0);
  }

  /** Text of a message; empty if there is no such message. */
  async textOf(userId: string, id: string): Promise<string> {
    const rows = await this.db.query<{ text: string }>(
      `SELECT said.text FROM messages m, LATERAL (${textOfParts('m.parts')}) AS said WHERE m.id = $1 AND m.user_id = $2`,
      [id, userId],
    );
    return rows.at(0)?.text ?? '';
  }

  /**
   * Directs the way below the parent of a removed message to another version if it led to the message. Without a stored way it leads to the
   * first child, which continues the branch of its parent (`active-path.ts`).
   */
  async leadPast(
    { userId, conversationId }: ConversationRef,
    { id, parent_id, branch_id }: Pick<MessageEntity, 'id' | 'parent_id' | 'branch_id'>,
    other: OtherVersion | undefined,
  ): Promise<void> {
    const next = other && other.branch_id === other.id ? other.id : null;
    await this.db.query(
      `UPDATE messages SET active_child_id = $5 WHERE id = $1 AND conversation_id = $2 AND user_id = $3
         AND (active_child_id = $4 OR (active_child_id IS NULL AND $6::boolean))`,
      [parent_id, conversationId, userId, id, next, branch_id !== id && next !== null],
    );
  }

  /** Removes messages and answers their bytes, as they count in `stored_bytes` of their conversation. */
  async remove(userId: string, ids: string[]): Promise<number> {
    const rows = await this.db.query<{ bytes: number }>(
      `WITH gone AS (DELETE FROM messages m WHERE m.user_id = $1 AND m.id = ANY($2) RETURNING m.id, ${messageBytes('m')} AS bytes),
       ${removingEntries('$1', 'gone')}
       SELECT COALESCE(sum(bytes), 0)::float8 AS bytes FROM gone`,
      [userId, ids],
    );
    return rows[0].bytes;
  }
}
