import { Injectable } from '@nestjs/common';
import type { Conversation } from '../conversations/conversations.service';
import { TransactionRunner } from '../database/transaction-runner';
import { appendingEvents, eventsOf, type ToldEvents } from '../user-events/append-events';
import { UserEvents } from '../user-events/user-events';
import type { ContextMessage, ConversationRef, MessageStatus } from './message.types';
import { NOTE_WAY, segmentsOf } from './active-path';
import { isConversationKey } from '../conversations/conversation-name';
import { countedRow, UNLESS_KEY_TAKEN } from '../conversations/conversation-bytes';
import { contextBelow } from './context-path';
import { turnBytes } from './message-bytes';
import { columnsIn, MESSAGE_COLUMNS } from './message-columns';
import { firstTurnEvents, turnEvents } from './turn-events';
import type { ParentMessage, TurnMessage, TurnPosition } from './turn-messages';

/** New values of the conversation of a stored turn. */
export interface ConversationChanges {
  leafId: string;
  sequence: number;
  at: Date;
  /** Title for a conversation that has none. */
  title: string | null;
}

/** Selection of the messages of the path above a turn that its model sees. */
export interface ContextSelection {
  /** Token budget of the messages of the path, without those of the turn itself. */
  contextTokens: number;
  /** True if the parent is the message to be answered, which the model sees whatever its tokens are. */
  parentIsLeaf: boolean;
}

/**
 * SQL for the process that is to write the reply: a process is known as long as its journal's fence is there, which is locked against removal
 * until the turn is committed. The reply's events are in batches after the last one that is there now.
 */
export const WRITER = (instance: string) => `SELECT f.instance_id, 1 + (
      SELECT max(j.batch) FROM reply_journal j WHERE j.instance_id = f.instance_id
    ) AS first_batch
  FROM reply_journal f WHERE f.instance_id = ${instance} AND f.batch = 0 FOR KEY SHARE OF f`;

/**
 * SQL for whether a message is queued, in the words of its index (`ix_messages_queued`). It does not test the status, so that the end of
 * a reply leaves the index alone; nor IS NOT NULL, which PostgreSQL expects of nearly all rows in a table without statistics, and then
 * reads all of them.
 */
export const isQueued = (row: string) => `jsonb_typeof(${row}.queued_request) = 'object'`;

/** SQL for the number of running replies of the user, counted up to the limit. */
const RUNNING = (user: string, limit: string) =>
  `SELECT count(*)::int AS replies FROM (SELECT 1 FROM open_replies WHERE user_id = ${user} LIMIT ${limit}::int) AS counted`;
/** SQL for the number of messages `o` in the conversation of `p`; `VERSION` also has the position of `p` among them. */
const COUNT = (those: string) =>
  `SELECT count(*)::int FROM messages o WHERE o.conversation_id = p.conversation_id AND o.user_id = p.user_id AND ${those}`;
const VERSION = (those: string) =>
  `SELECT json_build_array(count(*) FILTER (WHERE o.sequence <= p.sequence), count(*)) FROM messages o
   WHERE o.conversation_id = p.conversation_id AND o.user_id = p.user_id AND ${those}`;
/** SQL for the `ParentMessage` of a message `p` that a turn follows. */
const PARENT = `json_build_object('id', p.id, 'parent_id', p.parent_id, 'branch_id', p.branch_id, 'depth', p.depth,
  'role', p.role, 'status', p.status, 'tokens', p.tokens, 'children', (${COUNT('o.parent_id = p.id')}), 'version', CASE
    WHEN p.role <> 'user' THEN NULL
    WHEN p.parent_id IS NULL THEN (${VERSION('o.parent_id IS NULL')})
    ELSE (${VERSION('o.parent_id = p.parent_id')})
  END)`;

/** SQL for a turn that leaves the active path: stores which way the path to `$9`, in the conversation `$6`, went. */
const LEAVING = `, ${segmentsOf('$9', '$6', '$7')}, noted AS (${NOTE_WAY} AND EXISTS (SELECT 1 FROM conversation))`;

const CONTEXT = contextBelow({
  leaf: '$10',
  contextTokens: '$11',
  contextFrom: '$12',
  always: '$13',
  user: '$7',
});

const STORED = columnsIn('turn');
const MESSAGES = `INSERT INTO messages (${STORED.join(', ')})
  SELECT ${STORED.map((name) => (name === 'tokens' ? 'coalesce(r.tokens, 0)' : `r.${name}`)).join(', ')}
  FROM conversation, json_to_recordset($1) AS r (${STORED.map((name) => `${name} ${MESSAGE_COLUMNS[name].sql}`).join(', ')})
  RETURNING id, user_id, conversation_id, status`;

const OPENED = `INSERT INTO open_replies (message_id, user_id, conversation_id, instance_id, first_batch)
  SELECT s.id, s.user_id, s.conversation_id, w.instance_id, w.first_batch FROM stored s, writer w WHERE s.status = 'streaming' RETURNING message_id`;

/** Rows without which a turn has no events: all of it must be stored. `opened` is read so that the row of the user's last event is locked last. */
const STORED_TURN = 'conversation c, (SELECT count(*) FROM stored) AS s, (SELECT count(*) FROM opened) AS o';
/** Events of a turn in an existing conversation. The title event, which is the first, gets the title that the conversation has then. */
const TURN_EVENTS: ToldEvents = {
  count: eventsOf('$16', STORED_TURN).count,
  events: `SELECT CASE WHEN c.title IS NOT DISTINCT FROM $5 OR $16::json -> 0 ->> 'type' <> 'title' THEN $16::json ELSE (
     SELECT json_agg(CASE e.ord WHEN 1 THEN json_build_object('type', 'title', 'data', json_build_object('conversation_id', c.id, 'title', c.title))
       ELSE e.value END ORDER BY e.ord) FROM json_array_elements($16::json) WITH ORDINALITY AS e (value, ord)
   ) END FROM ${STORED_TURN}`,
};

/* The statement texts of a turn are built once: a new string would have to be hashed again to find its plan. */
const ROOTS = (conversation: string, user: string) =>
  `SELECT count(*)::int FROM messages r WHERE r.conversation_id = ${conversation} AND r.user_id = ${user} AND r.parent_id IS NULL`;
const position = (
  name: string,
) => `SELECT c.*, CASE WHEN p.id IS NOT NULL THEN ${PARENT} END AS parent, CASE WHEN p.id IS NULL THEN (
       ${ROOTS('c.id', 'c.user_id')}
     ) END AS roots, EXISTS (
       SELECT 1 FROM messages q WHERE q.conversation_id = c.id AND q.user_id = c.user_id AND ${isQueued('q')}
     ) AS queued
   FROM conversations c LEFT JOIN messages p
     ON p.conversation_id = c.id AND p.user_id = c.user_id AND p.id = CASE WHEN $3 THEN c.active_leaf_id ELSE $4::uuid END
   WHERE ${name} AND c.user_id = $2 AND c.deleted_at IS NULL`;
const POSITION_BY_ID = position('c.id = $1');
const POSITION_BY_KEY = position('c.key = $1');
const turn = (more: string) =>
  `WITH RECURSIVE writer AS (${WRITER('$14')}), running AS (${RUNNING('$7', '$15')}), conversation AS (
     UPDATE conversations SET active_leaf_id = $2, last_sequence = $3, last_activity_at = $4, title = coalesce(title, $5),
       title_source = CASE WHEN title IS NULL THEN 'auto' ELSE title_source END,
       version = CASE WHEN title IS NULL AND $5::text IS NOT NULL THEN version + 1 ELSE version END,
       stored_bytes = stored_bytes + ${turnBytes('$1')}
         + CASE WHEN title IS NULL THEN COALESCE(octet_length($5::text), 0) ELSE 0 END,
       message_count = message_count + json_array_length($1), unread = false,
       indexed_to = COALESCE(indexed_to, last_sequence)
     WHERE id = $6 AND user_id = $7 AND last_sequence = $8 AND active_leaf_id IS NOT DISTINCT FROM $9
       AND deleted_at IS NULL
       AND ($14::uuid IS NULL OR EXISTS (SELECT 1 FROM writer) AND ($15::int IS NULL OR $15 > (SELECT replies FROM running)))
     RETURNING id, title
   ), stored AS (${MESSAGES}), opened AS (${OPENED}), ${CONTEXT}${more},
   ${appendingEvents('$7', TURN_EVENTS)}
   SELECT EXISTS (SELECT 1 FROM stored) AS stored, EXISTS (SELECT 1 FROM writer) AS known, running.replies AS running,
     COALESCE((SELECT json_agg(json_build_object('role', role, 'parts', parts, 'refused', refused, 'failed', failed, 'tokens', tokens) ORDER BY depth) FROM path), '[]') AS context
   FROM running`;
const TURN = turn('');
const LEAVING_TURN = turn(LEAVING);
const FIRST_TURN = `WITH writer AS (${WRITER('$3')}), running AS (${RUNNING('$4', '$5')}), conversation AS (
     INSERT INTO conversations SELECT c.* FROM writer, ${countedRow('$2', turnBytes('$1'), 'json_array_length($1)')}
     WHERE $5::int IS NULL OR $5 > (SELECT replies FROM running) ${UNLESS_KEY_TAKEN} RETURNING id
   ), stored AS (${MESSAGES}), opened AS (${OPENED}), ${appendingEvents('$4', eventsOf('$6', STORED_TURN))}
   SELECT EXISTS (SELECT 1 FROM stored) AS stored, EXISTS (SELECT 1 FROM writer) AS known, running.replies AS running,
     '[]'::json AS context FROM running`;
/** Statement of a first turn whose reply is queued. */
const FIRST_WAITING_TURN = `WITH conversation AS (
     INSERT INTO conversations SELECT c.* FROM ${countedRow('$2', turnBytes('$1'), 'json_array_length($1)')} ${UNLESS_KEY_TAKEN} RETURNING id
   ), stored AS (${MESSAGES}),
   ${appendingEvents('$3', eventsOf('$4', 'conversation c, (SELECT count(*) FROM stored) AS s'))}
   SELECT EXISTS (SELECT 1 FROM stored) AS stored, false AS known, 0 AS running, '[]'::json AS context`;

/** Result of storing a turn; not `stored` if its writer is not `known`, too many replies run, the position has changed or the key is taken. */
export interface StoredTurn {
  stored: boolean;
  known: boolean;
  running: number;
  context: ContextMessage[];
}

/** Process that writes the reply (null: it is queued), and number of replies of its user that may run (null: any). */
export interface ReplyTerms {
  instanceId: string | null;
  maxRunning: number | null;
}

interface FoundPosition {
  parent: ParentMessage | null;
  roots: number | null;
  queued: boolean;
}

/**
 * A turn is one statement: it writes the conversation and the messages together, and answers the messages that the model sees.
 * That is why this is a place outside `conversations/` that writes conversations.
 */
@Injectable()
export class TurnsRepository {
  constructor(
    private readonly db: TransactionRunner,
    private readonly events: UserEvents,
  ) {}

  /** The user's conversation, by its id or key, and the parent of the turn: the given message, or the end of the active path (undefined). */
  async position(
    userId: string,
    name: string,
    parentId: string | null | undefined,
  ): Promise<TurnPosition | undefined> {
    const rows = await this.db.query<Conversation & FoundPosition>(
      isConversationKey(name) ? POSITION_BY_KEY : POSITION_BY_ID,
      [name, userId, parentId === undefined, parentId ?? null],
    );
    if (!rows.length) return undefined;
    const [{ parent, roots, queued, ...conversation }] = rows;
    return { conversation, parent: parent ?? undefined, roots, queued };
  }

  /** Number of messages that begin the conversation. */
  async roots({ userId, conversationId }: ConversationRef): Promise<number> {
    const [{ count }] = await this.db.query<{ count: number }>(ROOTS('$1', '$2'), [conversationId, userId]);
    return count;
  }

  /** A message of this conversation as the parent of a turn. */
  async parent({ userId, conversationId }: ConversationRef, id: string): Promise<ParentMessage | undefined> {
    const rows: { parent: ParentMessage }[] = await this.db.query(
      `SELECT ${PARENT} AS parent FROM messages p WHERE p.conversation_id = $1 AND p.id = $2 AND p.user_id = $3`,
      [conversationId, id, userId],
    );
    return rows[0]?.parent;
  }

  /** Stores a turn if nothing has changed since its position was read, and answers its context. */
  async store(
    { conversation, parent }: TurnPosition,
    messages: TurnMessage[],
    changes: ConversationChanges & ReplyTerms,
    context: ContextSelection,
  ): Promise<StoredTurn> {
    const leaves = conversation.active_leaf_id !== null && conversation.active_leaf_id !== parent?.id;
    const rows = await this.db.query<StoredTurn>(leaves ? LEAVING_TURN : TURN, [
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
      context.contextTokens,
      conversation.context_from,
      context.parentIsLeaf,
      changes.instanceId,
      changes.maxRunning,
      JSON.stringify(turnEvents(conversation, messages, changes.title)),
    ]);
    return this.announced(conversation.user_id, rows[0]);
  }

  /** The state of a reply of the user; undefined if it is not there. */
  async reply(
    userId: string,
    messageId: string,
  ): Promise<{ status: MessageStatus; conversation_id: string } | undefined> {
    const rows = await this.db.query<{ status: MessageStatus; conversation_id: string }>(
      `SELECT m.status, m.conversation_id FROM messages m JOIN conversations c ON c.id = m.conversation_id AND c.user_id = m.user_id
       WHERE m.id = $1 AND m.user_id = $2 AND c.deleted_at IS NULL`,
      [messageId, userId],
    );
    return rows[0];
  }

  /** Stores a turn and the conversation that it begins. */
  async storeFirst(
    conversation: Conversation,
    messages: TurnMessage[],
    { instanceId, maxRunning }: ReplyTerms,
  ): Promise<StoredTurn> {
    const stored = [JSON.stringify(messages), JSON.stringify(conversation)];
    const events = JSON.stringify(firstTurnEvents(conversation, messages));
    const { user_id } = conversation;
    const rows = await (instanceId === null
      ? this.db.query<StoredTurn>(FIRST_WAITING_TURN, [...stored, user_id, events])
      : this.db.query<StoredTurn>(FIRST_TURN, [...stored, instanceId, user_id, maxRunning, events]));
    return this.announced(user_id, rows[0]);
  }

  private announced(userId: string, stored: StoredTurn): StoredTurn {
    if (stored.stored) this.events.announce(userId);
    return stored;
  }
}
