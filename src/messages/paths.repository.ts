import { Injectable } from '@nestjs/common';
import { REPLY_BOUNDS, STORAGE_BOUNDS } from '../config/bounds';
import { descentFrom, NOTE_WAY, segmentsOf } from './active-path';
import { contextBelow } from './context-path';
import { LAST_OF_PAGE, longMessages } from './message-pages';
import { messageBytes } from './message-bytes';
import { columnsIn, copiedColumns, type ColumnIn } from './message-columns';
import { TransactionRunner } from '../database/transaction-runner';
import { feedbackOn, type GivenFeedback } from './given-feedback';
import type { MessageEntity } from './message.entity';
import type { ConversationRef, CountedMessage, MessageRole } from './message.types';
import type { Siblings } from './siblings';
import { ALONE } from './turn-messages';

/** A message that somebody else has written, to be stored as it is. */
export interface ImportedMessage {
  role: MessageRole;
  content: string;
  /** Tokens of `content`. */
  tokens: number;
  /** Time in RFC 3339. */
  created_at: string;
}

/** Selection of the messages of a path that a model sees. */
export interface ContextQuery {
  leafId: string;
  /** Token budget of the messages. */
  contextTokens: number;
  /** Sequence number: messages up to and including it are left out. */
  contextFrom: number;
}

export type PathMessage = Pick<MessageEntity, ColumnIn<'page'>> & {
  /** Number of messages that the page would have without the bound on its bytes; only in pages. */
  found?: number;
  /** Texts of all text parts if `parts` has only the first parts; null otherwise. */
  cut_texts?: string[] | null;
};

const CONTEXT = contextBelow({
  leaf: '$1',
  contextTokens: '$2',
  contextFrom: '$3',
  always: '$4',
  user: '$5',
});

const SEGMENTS = `WITH RECURSIVE ${segmentsOf('$1', '$2', '$3')}`;

const { limit: LISTED } = REPLY_BOUNDS.listedParts;
const { limit: SHOWN_VERSIONS } = STORAGE_BOUNDS.listedVersions;

/** SQL for whether parts are left out. There are no more parts than events, and the size of `event_lengths` is known without reading it. */
const isCut = (row: string) =>
  `octet_length(${row}.event_lengths) > ${LISTED} AND jsonb_array_length(${row}.parts) > ${LISTED}`;

const cutTextsOf = (row: string) => `jsonb_path_query_array(${row}.parts, '$[*] ? (@.type == "text").text')`;

/** SQL for the parts of a message: a page has many messages, so only parts that are shown leave the database. */
const PARTS = `CASE WHEN ${isCut('m')} THEN jsonb_path_query_array(m.parts, '$[0 to ${LISTED - 1}]') ELSE m.parts END AS parts,
  CASE WHEN ${isCut('m')} THEN ${cutTextsOf('m')} END AS cut_texts`;

/** SQL for the approximate bytes of a message on a page: four bytes of each text in a list are its quotes and its separator. */
const SHOWN_BYTES = `CASE WHEN ${isCut('f')} THEN octet_length(${cutTextsOf('f')}::text) - 4 * jsonb_array_length(f.parts)
  ELSE octet_length(f.parts::text) END`;

/** SQL for the position of the first version that is shown beside the one at `position`: equally many on each side, as far as there are. */
const FIRST_SHOWN = (position: string, count: string) =>
  `greatest(1, least(${position} - ${SHOWN_VERSIONS / 2}, ${count} - ${SHOWN_VERSIONS - 1}))`;

const COLUMNS = columnsIn('page')
  .map((name) => (name === 'parts' ? PARTS : `m.${name}`))
  .join(', ');

/** Columns of a copied path: one branch, whose id is that of its first message, so that sequence and depth are equal. */
const COPIED = copiedColumns(
  {
    id: 'c.id',
    conversation_id: '$4',
    parent_id: 'c.parent_id',
    branch_id: '$6',
    depth: 'c.depth',
    sequence: 'c.depth',
    start_places: `CASE WHEN m.role = 'assistant' THEN ARRAY[${ALONE.join(', ')}] END`,
  },
  'm',
);

/** Id in place of the missing parent of first messages where parents are compared. */
const NO_PARENT = '00000000-0000-0000-0000-000000000000';

/** Paths through the tree of a conversation. A leaf of another conversation has no path. */
@Injectable()
export class PathsRepository {
  constructor(private readonly db: TransactionRunner) {}

  /** The `limit` messages of the path that come right before a depth, the deepest first. */
  before(of: ConversationRef, leafId: string, depth: number, limit: number): Promise<PathMessage[]> {
    return this.page('m.depth < $4', 'DESC', [leafId, of.conversationId, of.userId, depth, limit]);
  }

  /** The `limit` messages of the path that come right after a depth. */
  after(of: ConversationRef, leafId: string, depth: number, limit: number): Promise<PathMessage[]> {
    return this.page('m.depth > $4', 'ASC', [leafId, of.conversationId, of.userId, depth, limit]);
  }

  private page(
    condition: string,
    order: 'ASC' | 'DESC',
    parameters: (string | number)[],
  ): Promise<PathMessage[]> {
    return this.db.query(
      `${SEGMENTS}, found AS (
         SELECT page.*, row_number() OVER (ORDER BY page.depth ${order}) AS position
         FROM segments s CROSS JOIN LATERAL (
           SELECT m.* FROM messages m
           WHERE m.branch_id = s.branch_id AND m.user_id = s.user_id AND m.depth <= s.up_to AND ${condition}
           ORDER BY m.depth ${order} LIMIT $5
         ) page
         ORDER BY page.depth ${order} LIMIT $5
       ), ${longMessages(SHOWN_BYTES)}
       SELECT ${COLUMNS}, (SELECT count(*) FROM found)::int AS found FROM found m WHERE m.position <= ${LAST_OF_PAGE} ORDER BY m.depth ${order}`,
      parameters,
    );
  }

  /** The `limit` versions of a message, itself among them, that come right after a sequence. */
  versions(
    { userId, conversationId }: ConversationRef,
    parentId: string | null,
    sequence: number,
    limit: number,
  ): Promise<PathMessage[]> {
    const ofParent = parentId === null ? 'm.parent_id IS NULL AND $3::uuid IS NULL' : 'm.parent_id = $3';
    return this.db.query(
      `WITH RECURSIVE found AS (
         SELECT m.*, row_number() OVER (ORDER BY m.sequence) AS position FROM messages m
         WHERE m.conversation_id = $1 AND m.user_id = $2 AND ${ofParent} AND m.sequence > $4 ORDER BY m.sequence LIMIT $5
       ), ${longMessages(SHOWN_BYTES)}
       SELECT ${COLUMNS}, (SELECT count(*) FROM found)::int AS found FROM found m WHERE m.position <= ${LAST_OF_PAGE} ORDER BY m.sequence`,
      [conversationId, userId, parentId, sequence, limit],
    );
  }

  /**
   * Copies the path that ends at a leaf into another, empty conversation, where it is one branch. `ids` are those of the copies,
   * from the first message on. The caller makes sure that no reply of the path is open. Answers the bytes of the copies, and the sequence
   * number in the copy that corresponds to `contextFrom` in the source: a model sees only messages after it.
   */
  async copy(
    { userId, conversationId }: ConversationRef,
    leafId: string,
    copy: { conversationId: string; ids: string[]; contextFrom: number },
  ): Promise<{ bytes: number; contextFrom: number }> {
    const rows: { bytes: number; contextFrom: number }[] = await this.db.query(
      `${SEGMENTS}, copies AS (SELECT id, depth::int, lag(id) OVER (ORDER BY depth) AS parent_id
         FROM unnest($5::uuid[]) WITH ORDINALITY AS copy (id, depth)),
       copied AS (INSERT INTO messages AS n (${COPIED.names}) SELECT ${COPIED.values}
       FROM segments s JOIN messages m ON m.branch_id = s.branch_id AND m.user_id = s.user_id AND m.depth <= s.up_to
       JOIN copies c ON c.depth = m.depth RETURNING ${messageBytes('n')} AS bytes)
       SELECT COALESCE(sum(bytes), 0)::float8 AS bytes, (
         SELECT COALESCE(max(m.depth), 0) FROM segments s
         JOIN messages m ON m.branch_id = s.branch_id AND m.user_id = s.user_id AND m.depth <= s.up_to AND m.sequence <= $7
       ) AS "contextFrom" FROM copied`,
      [leafId, conversationId, userId, copy.conversationId, copy.ids, copy.ids[0], copy.contextFrom],
    );
    return rows[0];
  }

  /** Puts messages into an empty conversation, as one branch; answers their bytes. `ids` are in the order of `messages`. */
  async insertPath(
    { userId, conversationId }: ConversationRef,
    ids: string[],
    messages: readonly ImportedMessage[],
  ): Promise<number> {
    const rows = await this.db.query<{ bytes: number }>(
      `WITH given AS (
         SELECT id, depth::int, lag(id) OVER (ORDER BY depth) AS parent_id, g.message FROM unnest($3::uuid[]) WITH ORDINALITY AS i (id, depth)
         JOIN jsonb_array_elements($4::jsonb) WITH ORDINALITY AS g (message, place) ON g.place = i.depth
       ), stored AS (
         INSERT INTO messages AS n (id, conversation_id, user_id, parent_id, branch_id, depth, sequence, role, status, parts, tokens,
           finish_reason, created_at, updated_at)
         SELECT id, $1::uuid, $2, parent_id, $5::uuid, depth, depth, message->>'role', 'completed',
           jsonb_build_array(jsonb_build_object('type', 'text', 'text', message->'content')), (message->>'tokens')::int,
           CASE WHEN message->>'role' = 'assistant' THEN 'stop' END, (message->>'created_at')::timestamptz, (message->>'created_at')::timestamptz
         FROM given RETURNING ${messageBytes('n')} AS bytes
       )
       SELECT COALESCE(sum(bytes), 0)::float8 AS bytes FROM stored`,
      [conversationId, userId, ids, JSON.stringify(messages), ids[0]],
    );
    return rows[0].bytes;
  }

  /** Whether a reply on the path that ends at a leaf is not over. */
  async hasOpenReply({ userId, conversationId }: ConversationRef, leafId: string): Promise<boolean> {
    const rows: { open: boolean }[] = await this.db.query(
      `${SEGMENTS}
       SELECT EXISTS (
         SELECT 1 FROM segments s JOIN messages m ON m.branch_id = s.branch_id AND m.user_id = s.user_id AND m.depth <= s.up_to
         WHERE m.conversation_id = $2 AND m.status IN ('queued', 'streaming')
       ) AS open`,
      [leafId, conversationId, userId],
    );
    return rows[0].open;
  }

  /** Stores which way the path to a leaf goes, before it is left. */
  async noteWay({ userId, conversationId }: ConversationRef, leafId: string): Promise<void> {
    await this.db.query(`${SEGMENTS} ${NOTE_WAY}`, [leafId, conversationId, userId]);
  }

  /**
   * The leaf that was last active below each of these messages, by its id; the message itself if nothing is below it. For a message
   * of the active path it is the end of that path.
   */
  async leavesBelow(
    { userId, conversationId }: ConversationRef,
    activeLeafId: string | null,
    messageIds: readonly string[],
  ): Promise<Map<string, string>> {
    const rows: { id: string; leaf_id: string }[] = await this.db.query(
      `${SEGMENTS}, starts AS (
         SELECT m.id AS origin, CASE WHEN EXISTS (
           SELECT 1 FROM segments s WHERE s.branch_id = m.branch_id AND s.user_id = m.user_id AND m.depth <= s.up_to
         ) THEN $1::uuid ELSE m.id END AS id
         FROM messages m WHERE m.id = ANY($4) AND m.conversation_id = $2 AND m.user_id = $3
       ), ${descentFrom(
         `SELECT starts.origin, m.user_id, m.branch_id, m.depth FROM starts
          JOIN messages m ON m.id = starts.id AND m.conversation_id = $2 AND m.user_id = $3`,
       )}
       SELECT last.origin AS id, leaf.id AS leaf_id FROM (
         SELECT DISTINCT ON (origin) origin, user_id, branch_id FROM descent ORDER BY origin, step DESC
       ) last CROSS JOIN LATERAL (
         SELECT m.id FROM messages m WHERE m.branch_id = last.branch_id AND m.user_id = last.user_id ORDER BY m.depth DESC LIMIT 1
       ) leaf`,
      [activeLeafId, conversationId, userId, messageIds],
    );
    return new Map(rows.map(({ id, leaf_id }) => [id, leaf_id]));
  }

  /**
   * The places of these messages among their versions, and the user's feedback on each message. Only the nearest versions leave the database,
   * as there may be very many.
   */
  siblings(
    { userId, conversationId }: ConversationRef,
    messages: readonly Pick<MessageEntity, 'id' | 'parent_id'>[],
  ): Promise<(Siblings & { id: string; feedback: GivenFeedback | null })[]> {
    const parents = messages.map(({ parent_id }) => parent_id);
    return this.db.query(
      `SELECT id, sibling_count, sibling_position, to_json(ids[first_shown:first_shown + ${SHOWN_VERSIONS - 1}]) AS sibling_ids,
         ${feedbackOn('$2', 'shown.id')} AS feedback
       FROM (
         SELECT placed.*, ${FIRST_SHOWN('sibling_position', 'sibling_count')} AS first_shown FROM (
           SELECT wanted.id, ids, cardinality(ids) AS sibling_count, array_position(ids, wanted.id) AS sibling_position
           FROM (
             SELECT parent_id, array_agg(id ORDER BY sequence) AS ids FROM messages
             WHERE conversation_id = $1 AND user_id = $2 AND (parent_id = ANY($3) OR (parent_id IS NULL AND $4))
             GROUP BY parent_id
           ) AS versions
           JOIN unnest($5::uuid[], $6::uuid[]) AS wanted (id, parent_id)
             ON coalesce(wanted.parent_id, $7) = coalesce(versions.parent_id, $7)
         ) AS placed WHERE sibling_position IS NOT NULL
       ) AS shown`,
      [
        conversationId,
        userId,
        parents.filter((id) => id !== null),
        parents.includes(null),
        messages.map(({ id }) => id),
        parents,
        NO_PARENT,
      ],
    );
  }

  /**
   * The newest messages of the path that together stay within `contextTokens`, oldest first: whole messages only,
   * the leaf always, and none of a sequence up to `contextFrom`.
   */
  context(userId: string, { leafId, contextTokens, contextFrom }: ContextQuery): Promise<CountedMessage[]> {
    return this.db.query(
      `WITH RECURSIVE ${CONTEXT} SELECT role, parts, refused, failed, tokens, cost FROM path ORDER BY depth`,
      [leafId, contextTokens, contextFrom, true, userId],
    );
  }
}
