import { Injectable } from '@nestjs/common';
import { SEARCH_BOUNDS } from '../../config/bounds';
import { TransactionRunner } from '../../database/transaction-runner';
import { withPrefix } from '../../text-search/document';
import { tsqueryOf, type TextQuery } from '../../text-search/text-query';
import { labelsOf, ofConversation, partitionOf, prefixOf } from './entries';
import { IndexRefresh } from './index-refresh';

/** Which entries may be hits. */
export interface SearchFilter {
  conversationId?: string;
  role?: string;
  /** Inclusive. */
  from?: Date;
  /** Exclusive. */
  to?: Date;
}

/** Place of an entry in the order in which entries are looked at; the time in ISO 8601. */
export interface EntryPosition {
  segment: number;
  created_at: string;
  id: string;
}

export interface Hit {
  id: string;
  conversation_id: string;
  /** Null: in the title. */
  role: string | null;
  segment: number;
  created_at: Date;
  /** In millionths. */
  score: number;
}

/** Hits that are ranked together. */
export interface Ranked {
  /** Best first. */
  hits: Hit[];
  /** Of the first of them that was looked at, from which the same can be found again; undefined if there is none. */
  first?: EntryPosition;
  /** Behind which older ones are to be looked for; undefined if there is nothing more. */
  last?: EntryPosition;
}

/** Behind all entries of a segment. */
const END_OF_SEGMENT = { created_at: '0001-01-01T00:00:00.000Z', id: '00000000-0000-0000-0000-000000000000' };

const { rankedHits, searchedSegments, phraseSegments } = SEARCH_BOUNDS;

/** Clocks of processes may differ, and what is stored is a moment older than its segment. */
const SLACK = `interval '1 hour'`;

/** A CTE of the segments of a user (`$1`), with the times between which what is in them was said; without `to_at` up to now. */
export const KNOWN = `known AS MATERIALIZED (
     SELECT g.segment, g.from_at, COALESCE(g.to_at, lead(g.opened_at) OVER (ORDER BY g.segment) + ${SLACK}) AS to_at
     FROM search_segments g WHERE g.user_id = $1
   )`;

/**
 * The segments of a user (`$1`) in which there may be hits, newest first, each with the query (`$3`) for its lexemes (`$2` is the user's partition).
 * `$4` and `$5` are the times between which hits are, `$6` is the segment to begin with; `limit` is SQL.
 */
const places = (limit: string) => `${KNOWN}, places AS MATERIALIZED (
     SELECT k.segment, ${withPrefix('$3::text', prefixOf('$2::text', 'k.segment'))}::tsquery AS query FROM known k
     WHERE ($4::timestamptz IS NULL OR k.to_at IS NULL OR k.to_at >= $4) AND ($5::timestamptz IS NULL OR k.from_at < $5)
       AND ($6::int IS NULL OR k.segment <= $6)
     ORDER BY k.segment DESC LIMIT ${limit}::int
   )`;

/**
 * `$7` and `$8` are the place after which entries are looked at, `$9` whether that at this place is looked at as well. Entries are found by the index
 * of their lexemes alone: no other one begins with the user, so that no plan can go through all that a user has said.
 */
const RANKED = `WITH ${places('$11')}, candidates AS MATERIALIZED (
     SELECT e.*, p.query FROM places p CROSS JOIN LATERAL (
       SELECT e.id, e.conversation_id, e.role, e.segment, e.created_at, e.tokens FROM search_entries e
       WHERE e.user_id = $1 AND e.tokens @@ p.query AND ($4::timestamptz IS NULL OR e.created_at >= $4)
         AND ($5::timestamptz IS NULL OR e.created_at < $5) AND ($10::uuid IS NULL OR e.conversation_id = $10)
         AND ($6::int IS NULL OR e.segment < $6 OR (e.created_at, e.id) < ($7::timestamptz, $8::uuid)
           OR ($9::boolean AND (e.created_at, e.id) = ($7::timestamptz, $8::uuid)))
       ORDER BY e.created_at DESC, e.id DESC LIMIT ${rankedHits.limit}
     ) e LIMIT ${rankedHits.limit}
   )
   SELECT c.id, c.conversation_id, c.role, c.segment, c.created_at, v.id IS NOT NULL AS is_there,
     (ts_rank('{0.4,0.4,0.4,1}', c.tokens, c.query, 1) * 1000000)::int AS score, s.oldest, s.count AS segments
   FROM (SELECT min(segment) AS oldest, count(*)::int AS count FROM places) s LEFT JOIN candidates c ON true
     LEFT JOIN conversations v ON v.id = c.conversation_id AND v.user_id = $1 AND v.deleted_at IS NULL`;

/** The conversations with such entries, of at most `$7` of the newest of them. */
const CONVERSATIONS = `WITH ${places('$8')}
   SELECT s.count AS segments, ARRAY(
     SELECT e.conversation_id FROM places p CROSS JOIN LATERAL (
       SELECT e.conversation_id FROM search_entries e WHERE e.user_id = $1 AND e.tokens @@ p.query LIMIT $7
     ) e LIMIT $7
   ) AS ids FROM (SELECT count(*)::int AS count FROM places) s`;

const PLANNED = `SELECT set_config('jit', 'off', true), set_config('enable_seqscan', 'off', true)`;

interface Looked {
  oldest: number | null;
  segments: number;
}
type Row = Looked & ((Hit & { is_there: boolean }) | { id: null });

/** What can be found of a user. */
@Injectable()
export class SearchIndex {
  constructor(
    private readonly db: TransactionRunner,
    private readonly refresh: IndexRefresh,
  ) {}

  /**
   * The newest entries that match, ranked.
   * @param after where a call before has stopped (`last`), or its `first` with `inclusive`, to find the same again
   */
  async find(
    userId: string,
    query: TextQuery,
    { conversationId, role, from, to }: SearchFilter,
    after?: EntryPosition & { inclusive: boolean },
  ): Promise<Ranked> {
    await this.refresh.beforeSearch(userId);
    const rows = await this.byIndex<Row>(RANKED, [
      userId,
      partitionOf(userId),
      tsqueryOf(query, labelsOf({ conversationId, role })),
      from ?? null,
      to ?? null,
      after?.segment ?? null,
      after?.created_at ?? null,
      after?.id ?? null,
      after?.inclusive ?? false,
      conversationId ?? null,
      segmentsFor(query),
    ]);
    const found = rows.flatMap((row) => (row.id === null ? [] : [row]));
    const inOrder = found.toSorted((a, b) => b.segment - a.segment || newestFirst(a, b));
    const hits = found.filter((hit) => hit.is_there).sort((a, b) => b.score - a.score || newestFirst(a, b));
    return {
      hits,
      first: inOrder.length ? positionOf(inOrder[0]) : undefined,
      last: lastOf(inOrder, rows[0], segmentsFor(query)),
    };
  }

  /**
   * The conversations of the user in which there is something that matches; undefined where it is more than is looked for.
   */
  async conversations(userId: string, query: TextQuery): Promise<string[] | undefined> {
    await this.refresh.beforeSearch(userId);
    const { limit } = SEARCH_BOUNDS.listedHits;
    const [{ ids, segments }] = await this.byIndex<{ ids: string[]; segments: number }>(CONVERSATIONS, [
      userId,
      partitionOf(userId),
      tsqueryOf(query),
      null,
      null,
      null,
      limit,
      searchedSegments.limit,
    ]);
    return ids.length < limit && segments < searchedSegments.limit ? [...new Set(ids)] : undefined;
  }

  /**
   * Does what reads entries by their words. The planner knows nothing of words that come from a row: left alone, it may read whole tables, and compile a
   * statement for longer than it runs.
   */
  planned<T>(work: () => Promise<T>): Promise<T> {
    return this.db.run(async () => {
      await this.db.query(PLANNED);
      return work();
    });
  }

  private byIndex<T extends object>(statement: string, parameters: unknown[]): Promise<T[]> {
    return this.planned(() => this.db.query<T>(statement, parameters));
  }

  /** Removes at most `limit` segments of a user whose entries are gone; answers how many. */
  async eraseSegments(userId: string, limit: number): Promise<number> {
    const rows = await this.db.query(
      `DELETE FROM search_segments WHERE user_id = $1 AND segment IN (
         SELECT segment FROM search_segments WHERE user_id = $1 LIMIT $2
       ) RETURNING segment`,
      [userId, limit],
    );
    return rows.length;
  }
}

/**
 * SQL for whether there is something in a conversation `c` of the user `$1` that a query with `SOME_CONVERSATION` matches; `partition` and `query` are SQL. Stands where
 * there is `KNOWN`: only segments of the time of the conversation are looked into, or a conversation without hits would take as many looks as there are segments.
 */
export function isFoundIn(partition: string, query: string): string {
  const own = withPrefix(ofConversation(query, 'c.id'), prefixOf(partition, 'g.segment'));
  return `EXISTS (
    SELECT 1 FROM (
      SELECT segment FROM known WHERE from_at <= c.last_activity_at + ${SLACK} AND (to_at IS NULL OR to_at >= c.created_at) ORDER BY segment DESC
    ) g CROSS JOIN LATERAL (
      SELECT 1 FROM search_entries e WHERE e.user_id = $1 AND e.conversation_id = c.id AND e.tokens @@ ${own}::tsquery LIMIT 1
    ) e
  )`;
}

function newestFirst(a: Hit, b: Hit): number {
  return b.created_at.getTime() - a.created_at.getTime() || (a.id < b.id ? 1 : -1);
}

function positionOf({ segment, created_at, id }: Hit): EntryPosition {
  return { segment, created_at: created_at.toISOString(), id };
}

/** How many segments are looked at at once. The index has words and no places, so a phrase is looked for in each message that has its words. */
function segmentsFor({ wanted, unwanted }: TextQuery): number {
  const hasPhrase = [...wanted, ...unwanted].some((term) => term.length > 1);
  return (hasPhrase ? phraseSegments : searchedSegments).limit;
}

function lastOf(
  inOrder: readonly Hit[],
  { oldest, segments }: Looked,
  most: number,
): EntryPosition | undefined {
  const last = inOrder.at(-1);
  if (last && inOrder.length === rankedHits.limit) return positionOf(last);
  return oldest !== null && segments === most ? { segment: oldest, ...END_OF_SEGMENT } : undefined;
}
