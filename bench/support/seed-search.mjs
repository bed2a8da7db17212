import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { withDatabase } from './seed.mjs';

const require = createRequire(import.meta.url);

/** What is searched for: its own words and how many of the messages have them. */
export const WORDS = {
  /** In every second message. */
  common: 'alpha',
  /** In every tenth. */
  frequent: 'bravo',
  /** In every thousandth. */
  seldom: 'charlie',
  /** In five. */
  rare: 'delta',
};
const MESSAGES_OF_CONVERSATION = 100;
const BATCH = 5_000;
const WORDS_OF_MESSAGE = 40;
const VOCABULARY = 30_000;
const ENTRIES_OF_SEGMENT = 4_000;

const SYLLABLES = 'ka lo mi ne ru sta ti vo xe zan bri do fe gu hol ja'.split(' ');
const vocabulary = Array.from({ length: VOCABULARY }, (_, n) => {
  let word = '';
  for (let left = n + 17; left > 0; left = Math.floor(left / SYLLABLES.length))
    word += SYLLABLES[left % SYLLABLES.length];
  return word;
});

/**
 * Users with so many messages of forty words each, whose frequencies fall as those of a language do, over three years; indexed as the service does it, with its own
 * tokens, but for the index, which is made at the end.
 * @param {import('../candidates.mjs').Storage} storage
 * @param {Record<string, number>} users
 */
export async function seedSearch(storage, users) {
  await withDatabase(storage, async (database) => {
    await database.query('DROP INDEX ix_search_entries_tokens');
    for (const [user, count] of Object.entries(users)) await seedUser(database, user, count);
    await database.query(
      `INSERT INTO search_segments (user_id, segment, opened_at, from_at)
       SELECT user_id, segment, min(created_at), min(created_at) FROM search_entries GROUP BY user_id, segment`,
    );
    await database.query(`SET maintenance_work_mem = '512MB'`);
    await database.query(
      'CREATE INDEX ix_search_entries_tokens ON search_entries USING gin (tokens) WITH (fastupdate = off)',
    );
    await database.query('VACUUM ANALYZE');
  });
}

/** @param {import('./seed.mjs').Database} database @param {string} user @param {number} count */
async function seedUser(database, user, count) {
  const { messageEntry, partitionOf } = require('../../dist/src/search/index/entries.js');
  await database.query('INSERT INTO users (id) VALUES ($1)', [user]);
  const began = Date.now() - 3 * 365 * 86_400_000;
  const step = (Date.now() - began) / count;
  let conversation = '';
  for (let first = 0; first < count; first += BATCH) {
    const rows = [];
    for (let n = first; n < Math.min(first + BATCH, count); n++) {
      const at = n % MESSAGES_OF_CONVERSATION;
      if (at === 0) conversation = randomUUID();
      const created_at = new Date(began + n * step);
      const id = idAt(created_at);
      const text = textOf(n, count);
      const role = at % 2 ? 'assistant' : 'user';
      const segment = 1_000 + Math.floor(n / ENTRIES_OF_SEGMENT);
      const prefix = `${partitionOf(user)}${segment.toString(16)}:`;
      const { tokens } = await messageEntry({ id, conversation_id: conversation, role, created_at }, text);
      rows.push({
        id,
        conversation_id: conversation,
        role,
        created_at,
        depth: at + 1,
        segment,
        text,
        tokens: tokens.replaceAll('~', prefix),
      });
    }
    await store(database, user, rows);
  }
}

/** @param {import('./seed.mjs').Database} database @param {string} user @param {object[]} rows */
async function store(database, user, rows) {
  await database.query(
    `WITH r AS MATERIALIZED (SELECT * FROM json_to_recordset($2) AS r (
       id uuid, conversation_id uuid, role text, created_at timestamptz, depth int, segment int, text text, tokens text
     )), conversation AS (
       INSERT INTO conversations (id, user_id, title, last_activity_at, created_at, updated_at, active_leaf_id, last_sequence, message_count, indexed_from)
       SELECT conversation_id, $1, 'A conversation', max(created_at), min(created_at), max(created_at), (array_agg(id ORDER BY depth DESC))[1], max(depth),
         count(*), 0 FROM r GROUP BY conversation_id
     ), message AS (
       INSERT INTO messages (id, conversation_id, user_id, parent_id, branch_id, depth, sequence, role, status, parts, tokens, created_at, updated_at)
       SELECT id, conversation_id, $1, lag(id) OVER c, first_value(id) OVER c, depth, depth, role, 'completed',
         jsonb_build_array(jsonb_build_object('type', 'text', 'text', text)), 60, created_at, created_at
       FROM r WINDOW c AS (PARTITION BY conversation_id ORDER BY depth)
     )
     INSERT INTO search_entries (id, user_id, conversation_id, role, segment, created_at, tokens)
     SELECT id, $1, conversation_id, role, segment, created_at, tokens::tsvector FROM r`,
    [user, JSON.stringify(rows)],
  );
}

/** A UUIDv7 of that time. @param {Date} time */
function idAt(time) {
  const digits = time.getTime().toString(16).padStart(12, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}-7${randomUUID().slice(15)}`;
}

/** @param {number} n @param {number} count */
function textOf(n, count) {
  const said = [];
  for (let index = 0; index < WORDS_OF_MESSAGE; index++)
    said.push(vocabulary[Math.floor(VOCABULARY ** Math.random()) - 1]);
  if (n % 2) said.push(WORDS.common);
  if (n % 10 === 1) said.push(WORDS.frequent);
  if (n % 1_000 === 1) said.push(WORDS.seldom);
  if (n % Math.ceil(count / 5) === 1) said.push(WORDS.rare);
  return said.join(' ');
}
