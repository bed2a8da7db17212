import { Injectable } from '@nestjs/common';
import type { Conversation } from '../conversations/conversations.service';
import { TransactionRunner } from '../database/transaction-runner';
import type { ContextMessage } from './message.types';
import { countedRow } from '../conversations/conversation-bytes';
import { contextBelow } from './context-path';
import { turnBytes } from './message-bytes';
import type { ParentMessage, TurnMessage, TurnPlace } from './turn-messages';

/** What a stored turn makes of its conversation. */
export interface ConversationChanges {
  leafId: string;
  sequence: number;
  at: Date;
  /** Names a conversation that has no title. */
  title: string | null;
}

/** What a model is to see of the path that a turn follows. */
export interface ContextWish {
  /** Tokens, besides what the turn itself takes. */
  budget: number;
  /** The parent is what is to be answered, and is seen whatever it takes. */
  parentIsLeaf: boolean;
}

const MESSAGES = `INSERT INTO messages (id, conversation_id, user_id, parent_id, branch_id, depth, sequence, role, status, parts,
    tokens, model, provider, reserved_tokens, instance_id, queued_request, created_at, updated_at)
  SELECT r.id, r.conversation_id, r.user_id, r.parent_id, r.branch_id, r.depth, r.sequence, r.role, r.status, r.parts,
    coalesce(r.tokens, 0), r.model, r.provider, r.reserved_tokens, r.instance_id, r.queued_request, r.created_at, r.updated_at
  FROM conversation, json_to_recordset($1) AS r (id uuid, conversation_id uuid, user_id text, parent_id uuid, branch_id uuid,
    depth int, sequence int, role text, status text, parts jsonb, tokens int, model text, provider text, reserved_tokens int,
    instance_id uuid, queued_request jsonb, created_at timestamptz, updated_at timestamptz)
  RETURNING id`;

/**
 * A turn is one statement: it writes the conversation and the messages together, and brings back what the model is to see.
 * That is why this is the one place besides `conversations/` that writes conversations.
 */
@Injectable()
export class TurnsRepository {
  constructor(private readonly db: TransactionRunner) {}

  /** The user's conversation and the parent that is asked for, or the end of its active path (undefined). */
  async place(
    userId: string,
    conversationId: string,
    parentId: string | null | undefined,
  ): Promise<TurnPlace | undefined> {
    const rows: (Conversation & { parent: ParentMessage | null; queued: boolean })[] = await this.db.query(
      `SELECT c.*, CASE WHEN p.id IS NOT NULL THEN json_build_object('id', p.id, 'branch_id', p.branch_id, 'depth', p.depth,
         'role', p.role, 'status', p.status, 'has_children', EXISTS (
           SELECT 1 FROM messages o WHERE o.conversation_id = c.id AND o.parent_id = p.id
         )) END AS parent, EXISTS (
           SELECT 1 FROM messages q WHERE q.conversation_id = c.id AND q.status = 'queued'
         ) AS queued
       FROM conversations c LEFT JOIN messages p
         ON p.conversation_id = c.id AND p.id = CASE WHEN $3 THEN c.active_leaf_id ELSE $4::uuid END
       WHERE c.id = $1 AND c.user_id = $2 AND c.deleted_at IS NULL`,
      [conversationId, userId, parentId === undefined, parentId ?? null],
    );
    if (!rows.length) return undefined;
    const [{ parent, queued, ...conversation }] = rows;
    return { conversation, parent: parent ?? undefined, queued };
  }

  /** Stores a turn where nothing has changed since `place` was read, and answers its context; undefined if it has. */
  async store(
    { conversation, parent }: TurnPlace,
    messages: TurnMessage[],
    changes: ConversationChanges,
    context: ContextWish,
  ): Promise<ContextMessage[] | undefined> {
    const rows: { stored: number; context: ContextMessage[] | null }[] = await this.db.query(
      `WITH RECURSIVE conversation AS (
         UPDATE conversations SET active_leaf_id = $2, last_sequence = $3, last_activity_at = $4, title = coalesce(title, $5),
           version = CASE WHEN title IS NULL AND $5::text IS NOT NULL THEN version + 1 ELSE version END,
           stored_bytes = stored_bytes + ${turnBytes('$1')}
             + CASE WHEN title IS NULL THEN COALESCE(octet_length($5::text), 0) ELSE 0 END,
           message_count = message_count + json_array_length($1)
         WHERE id = $6 AND user_id = $7 AND last_sequence = $8 AND active_leaf_id IS NOT DISTINCT FROM $9
           AND deleted_at IS NULL
         RETURNING id
       ), stored AS (${MESSAGES}), ${contextBelow('$10', '$11', '$12', '$13')}
       SELECT (SELECT count(*)::int FROM stored) AS stored,
         (SELECT json_agg(json_build_object('role', role, 'parts', parts) ORDER BY depth) FROM path) AS context`,
      [
        JSON.stringify(messages),
        changes.leafId,
        changes.sequence,
        changes.at,
        changes.title,
        conversation.id,
        conversation.user_id,
        conversation.last_sequence,
        conversation.active_leaf_id,
        parent?.id ?? null,
        context.budget,
        conversation.context_from,
        context.parentIsLeaf,
      ],
    );
    return rows[0].stored ? (rows[0].context ?? []) : undefined;
  }

  /** Whether the user has this message. */
  async holds(userId: string, messageId: string): Promise<boolean> {
    const rows = await this.db.query(
      `SELECT 1 AS one FROM messages m JOIN conversations c ON c.id = m.conversation_id
       WHERE m.id = $1 AND m.user_id = $2 AND c.deleted_at IS NULL`,
      [messageId, userId],
    );
    return rows.length > 0;
  }

  /** Stores a turn and the conversation that it begins. */
  async storeFirst(conversation: Conversation, messages: TurnMessage[]): Promise<void> {
    await this.db.query(
      `WITH conversation AS (
         INSERT INTO conversations SELECT c.* FROM ${countedRow('$2', turnBytes('$1'), 'json_array_length($1)')} RETURNING id
       ), stored AS (${MESSAGES})
       SELECT 1 FROM stored`,
      [JSON.stringify(messages), JSON.stringify(conversation)],
    );
  }
}
