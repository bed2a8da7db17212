import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import { withPrefix } from '../text-search/document';
import { asParameter, prefixOf, type SearchEntry } from './index/entries';
import { textOfParts } from './index/text-of-parts';

/** A conversation in which there are messages that search does not find yet. */
export interface UnindexedConversation {
  id: string;
  user_id: string;
  title: string | null;
  created_at: Date;
  /** Null: nothing of it has been indexed by the job. */
  indexed_from: number | null;
}

export interface UnindexedMessage {
  id: string;
  conversation_id: string;
  role: string;
  sequence: number;
  created_at: Date;
  text: string;
}

/** Segments of what was there before are numbered downwards from here, below those of what is stored now. */
const FIRST_SEGMENT = 2 ** 20;
const ENTRIES_OF_SEGMENT = 4096;
/** Characters of one slice. */
const TEXT_OF_SLICE = 1_000_000;

const UNINDEXED = 'deleted_at IS NULL AND (indexed_from IS NULL OR indexed_from > 0)';

/** What search does not find yet. */
@Injectable()
export class BackfillRepository {
  constructor(private readonly db: TransactionRunner) {}

  async isNeeded(): Promise<boolean> {
    const [{ needed }] = await this.db.query<{ needed: boolean }>(
      `SELECT EXISTS (SELECT 1 FROM conversations WHERE ${UNINDEXED}) AS needed`,
    );
    return needed;
  }

  /** Some, of one user, the newest first; kept from turns and from others until the transaction ends. */
  lockSome(limit: number): Promise<UnindexedConversation[]> {
    return this.db.query(
      `SELECT id, user_id, title, created_at, indexed_from FROM conversations c WHERE ${UNINDEXED} AND user_id = (
         SELECT user_id FROM conversations WHERE ${UNINDEXED} ORDER BY id DESC LIMIT 1
       ) ORDER BY id DESC LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED`,
      [limit],
    );
  }

  /** Their messages that are not indexed, in each the newest first, in the order of the conversations; all that there are if they are fewer than `limit`. */
  async messages(
    userId: string,
    conversations: readonly UnindexedConversation[],
    limit: number,
  ): Promise<{ messages: UnindexedMessage[]; isAll: boolean }> {
    const rows = await this.db.query<UnindexedMessage & { found: number }>(
      `SELECT * FROM (
         SELECT m.*, s.text, count(*) OVER ()::int AS found,
           sum(length(s.text)) OVER (ORDER BY m.ord, m.sequence DESC) - length(s.text) AS before
         FROM (
           SELECT m.id, m.conversation_id, m.role, m.sequence, m.created_at, m.parts, k.ord
           FROM unnest($2::uuid[], $3::int[]) WITH ORDINALITY AS k (id, up_to, ord) CROSS JOIN LATERAL (
             SELECT m.* FROM messages m WHERE m.conversation_id = k.id AND m.user_id = $1
               AND (k.up_to IS NULL OR m.sequence < k.up_to) ORDER BY m.sequence DESC LIMIT $4
           ) m ORDER BY k.ord, m.sequence DESC LIMIT $4
         ) m CROSS JOIN LATERAL (
           ${textOfParts('m.parts')}
         ) s
       ) f WHERE f.before < ${TEXT_OF_SLICE} ORDER BY f.ord, f.sequence DESC`,
      [userId, conversations.map(({ id }) => id), conversations.map((each) => each.indexed_from), limit],
    );
    const found = rows.at(0)?.found ?? 0;
    return { messages: rows, isAll: found < limit && rows.length === found };
  }

  /** Entries that are there are left as they are. */
  async store(userId: string, entries: readonly SearchEntry[]): Promise<void> {
    await this.db.query(
      `WITH place AS (
         SELECT CASE WHEN g.segment IS NULL THEN ${FIRST_SEGMENT} WHEN g.entries >= ${ENTRIES_OF_SEGMENT} THEN g.segment - 1 ELSE g.segment END AS segment
         FROM (SELECT 1) AS one LEFT JOIN LATERAL (
           SELECT segment, entries FROM search_segments WHERE user_id = $1 AND to_at IS NOT NULL ORDER BY segment LIMIT 1
         ) g ON true
       ), searched AS (
         INSERT INTO search_entries (id, user_id, conversation_id, role, segment, created_at, tokens)
         SELECT r.id, $1, r.conversation_id, r.role, p.segment, r.created_at,
           ${withPrefix('r.tokens', prefixOf(`($2::json ->> 'partition')`, 'p.segment'))}::tsvector
         FROM place p, json_to_recordset($2::json -> 'entries') AS r (
           id uuid, conversation_id uuid, role text, created_at timestamptz, tokens text
         ) ON CONFLICT DO NOTHING RETURNING segment, created_at
       )
       INSERT INTO search_segments AS g (user_id, segment, opened_at, from_at, to_at, entries)
       SELECT $1, segment, now(), min(created_at), max(created_at), count(*) FROM searched GROUP BY segment
       ON CONFLICT (user_id, segment) DO UPDATE SET from_at = LEAST(g.from_at, excluded.from_at),
         to_at = GREATEST(g.to_at, excluded.to_at), entries = g.entries + excluded.entries`,
      [userId, asParameter(userId, entries)],
    );
  }

  /** What is indexed of conversations that are locked. */
  async record(userId: string, places: readonly { id: string; from: number }[]): Promise<void> {
    await this.db.query(
      `UPDATE conversations c SET indexed_from = p.up_from FROM unnest($2::uuid[], $3::int[]) AS p (id, up_from)
       WHERE c.id = p.id AND c.user_id = $1`,
      [userId, places.map(({ id }) => id), places.map(({ from }) => from)],
    );
  }
}
