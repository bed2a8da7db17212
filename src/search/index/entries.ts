import { createHash } from 'node:crypto';
import { documentOf, withPrefix } from '../../text-search/document';

/*
 * Entries of messages are stored before the next search (`IndexRefresh`), those of titles by the statements that store titles, as CTEs. Each lexeme in the index begins with a few characters for the user, the
 * segment in hexadecimal digits and a colon. So a segment of a user is a range of the index: what others have said is not looked at, a word that is in
 * half of a million messages costs no more than in some thousand, and what one user says goes to a few pages of the index.
 */

/** What can be found, as a statement stores it. */
export interface SearchEntry {
  id: string;
  conversation_id: string;
  /** Null: the title of the conversation. */
  role: string | null;
  created_at: Date;
  /** A tsvector (`documentOf`). */
  tokens: string;
}

/** A segment is about so many events of its user, which are some thousand messages. */
const SEGMENT_BITS = 13;

/** Title or message of a conversation that is not there. */
const ANY_CONVERSATION = '?';

/** Lexemes that say whose an entry is; a query that has them finds no others. */
export function labelsOf({
  conversationId,
  role,
}: {
  conversationId?: string;
  role?: string | null;
}): string[] {
  const labels = [];
  if (conversationId !== undefined) labels.push(conversationLabel(conversationId));
  if (role) labels.push(`@${role}`);
  return labels;
}

/** The last twelve digits of an id are random. */
const conversationLabel = (conversationId: string) =>
  `@c${conversationId === ANY_CONVERSATION ? ANY_CONVERSATION : conversationId.slice(-12)}`;

/** The label of a conversation that only the statement knows (`ofConversation`). */
export const SOME_CONVERSATION = conversationLabel(ANY_CONVERSATION);

/** SQL for a query with `SOME_CONVERSATION` as one for the conversation whose id is given, as SQL. */
export function ofConversation(query: string, id: string): string {
  return `replace(${query}, '${SOME_CONVERSATION}', '@c' || right(${id}::text, 12))`;
}

/** The characters that lexemes of a user begin with. Two users may have the same, which costs them a little. */
export function partitionOf(userId: string): string {
  return createHash('sha256').update(userId).digest('hex').slice(0, 6);
}

/** SQL for the prefix of lexemes; `partition` and `segment` are SQL. */
export function prefixOf(partition: string, segment: string): string {
  return `${partition} || to_hex(${segment}) || ':'`;
}

type Message = Omit<SearchEntry, 'tokens' | 'role'> & { role: string };

export async function messageEntry(
  { id, conversation_id, role, created_at }: Message,
  text: string,
): Promise<SearchEntry> {
  const labels = labelsOf({ conversationId: conversation_id, role });
  return { id, conversation_id, role, created_at, tokens: await documentOf(text, 'D', labels) };
}

export async function titleEntry(
  { id, created_at }: { id: string; created_at: Date },
  title: string,
): Promise<SearchEntry> {
  const labels = labelsOf({ conversationId: id });
  return { id, conversation_id: id, role: null, created_at, tokens: await documentOf(title, 'A', labels) };
}

/** Entries of a user as the parameter of a statement (`storingEntries`). */
export function asParameter(userId: string, entries: readonly SearchEntry[]): string {
  return JSON.stringify({ partition: partitionOf(userId), entries });
}

/** SQL for the segment of the user to which what is stored now belongs, and its prefix: a row `(segment, prefix)`. */
function currentPlace(user: string, partition: string): string {
  return `SELECT s.segment, ${prefixOf(partition, 's.segment')} AS prefix FROM (
     SELECT (COALESCE((SELECT h.seq FROM user_event_heads h WHERE h.user_id = ${user}),
       (extract(epoch FROM clock_timestamp()) * 1000)::bigint) >> ${SEGMENT_BITS})::int AS segment
   ) AS s`;
}

/** What becomes of an entry that is there: it takes its new words. */
const RENEWED =
  'ON CONFLICT (id, user_id) DO UPDATE SET segment = excluded.segment, tokens = excluded.tokens';
/** Or it stays as it is, and where it is. */
const KEPT = 'ON CONFLICT DO NOTHING';

/**
 * CTEs that store entries (`asParameter`). The segment is locked like a head of events is, before it: what appends events reads `SEARCHED`.
 * @param user, json SQL
 * @param from SQL of what has a row if they are to be stored
 */
export function storingEntries(
  user: string,
  json: string,
  { from, keepsKnown = false }: { from: string; keepsKnown?: boolean },
): string {
  return `search_place AS (
     ${currentPlace(user, `(${json}::json ->> 'partition')`)}
   ), searched AS (
     INSERT INTO search_entries (id, user_id, conversation_id, role, segment, created_at, tokens)
     SELECT r.id, ${user}, r.conversation_id, r.role, p.segment, r.created_at, ${withPrefix('r.tokens', 'p.prefix')}::tsvector
     FROM search_place p, json_to_recordset(${json}::json -> 'entries') AS r (
       id uuid, conversation_id uuid, role text, created_at timestamptz, tokens text
     ), ${from}
     ${keepsKnown ? KEPT : RENEWED} RETURNING segment, created_at
   ), search_segment AS (
     INSERT INTO search_segments (user_id, segment, opened_at, from_at)
     SELECT ${user}, segment, now(), min(created_at) FROM searched GROUP BY segment ON CONFLICT (user_id, segment) DO NOTHING RETURNING 1
   ), search_range AS (
     UPDATE search_segments g SET from_at = s.from_at FROM (SELECT segment, min(created_at) AS from_at FROM searched GROUP BY segment) s
     WHERE g.user_id = ${user} AND g.segment = s.segment AND g.from_at > s.from_at RETURNING 1
   )`;
}

/** To follow in the FROM of what comes after the entries. */
export const SEARCHED =
  '(SELECT count(*) FROM search_segment) AS search_s, (SELECT count(*) FROM search_range) AS search_r';

/** A CTE that removes the entries of what a CTE `gone` has removed, which returns ids. */
export function removingEntries(user: string, gone: string): string {
  return `unsearched AS (DELETE FROM search_entries e USING ${gone} g WHERE e.user_id = ${user} AND e.id = g.id)`;
}
