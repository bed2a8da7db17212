import { Injectable } from '@nestjs/common';
import { contextBelow } from './context-path';
import { messageBytes } from './message-bytes';
import { TransactionRunner } from '../database/transaction-runner';
import type { MessageEntity } from './message.entity';
import type { ContextMessage } from './message.types';

export type PathMessage = Omit<
  MessageEntity,
  'conversation' | 'instance' | 'event_lengths' | 'attempts' | 'stop_requested' | 'awaited' | 'queued_request'
>;

/** The ranges of depth, one per branch, that make up the path from the first message to the leaf `$1` of the conversation `$2`. */
const SEGMENTS = `WITH RECURSIVE segments (branch_id, up_to, fork_id) AS (
    SELECT leaf.branch_id, leaf.depth, head.parent_id
    FROM messages leaf JOIN messages head ON head.id = leaf.branch_id
    WHERE leaf.id = $1 AND leaf.conversation_id = $2
  UNION ALL
    SELECT fork.branch_id, fork.depth, head.parent_id
    FROM segments s JOIN messages fork ON fork.id = s.fork_id JOIN messages head ON head.id = fork.branch_id
  )`;

const COLUMNS = `m.id, m.conversation_id, m.user_id, m.parent_id, m.branch_id, m.depth, m.sequence, m.role, m.status,
  m.parts, m.tokens, m.model, m.provider, m.usage, m.finish_reason, m.error, m.instance_id, m.created_at, m.updated_at`;

/** Paths through the tree of a conversation, which must have been read with its owner. A leaf elsewhere has no path. */
@Injectable()
export class PathsRepository {
  constructor(private readonly db: TransactionRunner) {}

  /** The `limit` messages of the path that come right before a depth, the deepest first. */
  before(conversationId: string, leafId: string, depth: number, limit: number): Promise<PathMessage[]> {
    return this.page('m.depth < $3', 'DESC', [leafId, conversationId, depth, limit]);
  }

  /** The `limit` messages of the path that come right after a depth. */
  after(conversationId: string, leafId: string, depth: number, limit: number): Promise<PathMessage[]> {
    return this.page('m.depth > $3', 'ASC', [leafId, conversationId, depth, limit]);
  }

  private page(
    condition: string,
    order: 'ASC' | 'DESC',
    parameters: (string | number)[],
  ): Promise<PathMessage[]> {
    return this.db.query(
      `${SEGMENTS}
       SELECT page.* FROM segments s CROSS JOIN LATERAL (
         SELECT ${COLUMNS} FROM messages m
         WHERE m.branch_id = s.branch_id AND m.depth <= s.up_to AND ${condition}
         ORDER BY m.depth ${order} LIMIT $4
       ) page
       ORDER BY page.depth ${order} LIMIT $4`,
      parameters,
    );
  }

  /**
   * Copies the path that ends at a leaf into another, empty conversation, where it is one branch. `ids` are those of the copies,
   * from the first message on. Open replies are left out by the caller. Answers the bytes of what was copied.
   */
  async copy(
    leafId: string,
    conversationId: string,
    copy: { conversationId: string; ids: string[] },
  ): Promise<number> {
    const rows: { bytes: number }[] = await this.db.query(
      `${SEGMENTS}, copies AS (SELECT id, depth::int, lag(id) OVER (ORDER BY depth) AS parent_id
         FROM unnest($4::uuid[]) WITH ORDINALITY AS copy (id, depth)),
       copied AS (INSERT INTO messages AS n (id, conversation_id, parent_id, branch_id, depth, sequence, user_id, role, status, parts,
         event_lengths, tokens, model, provider, usage, finish_reason, error, attempts, created_at, updated_at)
       SELECT c.id, $3, c.parent_id, $5, c.depth, c.depth, m.user_id, m.role, m.status, m.parts,
         m.event_lengths, m.tokens, m.model, m.provider, NULL, m.finish_reason, m.error, m.attempts, m.created_at, m.updated_at
       FROM segments s JOIN messages m ON m.branch_id = s.branch_id AND m.depth <= s.up_to
       JOIN copies c ON c.depth = m.depth RETURNING ${messageBytes('n')} AS bytes)
       SELECT COALESCE(sum(bytes), 0)::float8 AS bytes FROM copied`,
      [leafId, conversationId, copy.conversationId, copy.ids, copy.ids[0]],
    );
    return rows[0].bytes;
  }

  /** Whether a reply on the path that ends at a leaf is not over. */
  async hasOpenReply(leafId: string, conversationId: string): Promise<boolean> {
    const rows: { open: boolean }[] = await this.db.query(
      `${SEGMENTS}
       SELECT EXISTS (
         SELECT 1 FROM segments s JOIN messages m ON m.branch_id = s.branch_id AND m.depth <= s.up_to
         WHERE m.conversation_id = $2 AND m.status IN ('queued', 'streaming')
       ) AS open`,
      [leafId, conversationId],
    );
    return rows[0].open;
  }

  /** Every child of these parents (null: the first messages of the conversation), oldest first. */
  children(
    conversationId: string,
    parentIds: (string | null)[],
  ): Promise<Pick<MessageEntity, 'id' | 'parent_id'>[]> {
    return this.db.query(
      `SELECT id, parent_id FROM messages
       WHERE conversation_id = $1 AND (parent_id = ANY($2) OR (parent_id IS NULL AND $3))
       ORDER BY sequence`,
      [conversationId, parentIds.filter((id) => id !== null), parentIds.includes(null)],
    );
  }

  /**
   * The newest messages of the path that together stay within `budget` tokens, oldest first: whole messages only,
   * the leaf always, and none of a sequence up to `contextFrom`.
   */
  context(leafId: string, budget: number, contextFrom: number): Promise<ContextMessage[]> {
    return this.db.query(
      `WITH RECURSIVE ${contextBelow('$1', '$2', '$3', '$4')} SELECT role, parts FROM path ORDER BY depth`,
      [leafId, budget, contextFrom, true],
    );
  }
}
