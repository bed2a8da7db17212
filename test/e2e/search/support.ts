import { DataSource } from 'typeorm';
import type { ApiClient, Page } from '../../support/api-client';
import type { RunningApp } from '../../support/create-test-app';

export interface Hit {
  conversation: { id: string; title: string | null };
  message_id: string | null;
  role: string | null;
  created_at: string;
  snippet: string;
  highlights: [number, number][];
  score: number;
}

/** Of one statement: the embedded database gives it a few seconds, on a busy machine, too. */
const AT_ONCE = 100;
const REPEATED = `WITH copies AS (
    INSERT INTO messages SELECT (json_populate_record(NULL::messages, (to_jsonb(m) || jsonb_build_object(
      'id', gen_random_uuid(), 'branch_id', gen_random_uuid(), 'sequence', 100000 + n,
      'created_at', m.created_at - n * interval '1 second'))::json)).*
    FROM messages m, generate_series($2::int, $3::int) n WHERE m.id = $1 RETURNING id, created_at
  ), repeated AS (
    INSERT INTO search_entries SELECT (json_populate_record(NULL::search_entries, (to_jsonb(e) || jsonb_build_object(
      'id', c.id, 'created_at', c.created_at, 'tokens', e.tokens::text))::json)).*
    FROM search_entries e, copies c WHERE e.id = $1 RETURNING 1
  ) SELECT count(*)::int AS count FROM repeated`;

/** The first page of what a client finds. @param more further parameters, from `&` on */
export async function search(client: ApiClient, q: string, more = ''): Promise<Hit[]> {
  const { status, body, text } = await client.get<Page<Hit>>(`/search?q=${encodeURIComponent(q)}${more}`);
  if (status !== 200) throw new Error(text);
  return body.data;
}

/** Has the index hold a hit, which a search has found, so often, without messages, in a conversation that is there: for what only many of them show. */
export async function repeatEntry(t: RunningApp, messageId: string, times: number): Promise<void> {
  for (let first = 1; first <= times; first += AT_ONCE) {
    const last = Math.min(times, first + AT_ONCE - 1);
    const [{ count }] = await t.app
      .get(DataSource)
      .query<{ count: number }[]>(REPEATED, [messageId, first, last]);
    if (count !== last - first + 1) throw new Error('The message is not in the index.');
  }
}
