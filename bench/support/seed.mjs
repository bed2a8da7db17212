import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
export const MANY = 'many';
export const FEW = 'few';
const SIZES = /** @type {const} */ ([
  [MANY, 10_000],
  [FEW, 10],
]);

/** @typedef {{ id: string, leaf: string }} Seeded a conversation and its last message */

/**
 * Two users, one with 10,000 conversations, one of them with 10,000 messages, and one with ten of each.
 * @param {import('../candidates.mjs').Storage} storage
 * @returns {Promise<Record<string, Seeded>>} the long conversation of each user
 */
export async function seed(storage) {
  return withDatabase(storage, async (database) => {
    /** @type {Record<string, Seeded>} */
    const seeded = {};
    for (const [user, count] of SIZES) seeded[user] = await seedUser(database, user, count);
    await database.query('ANALYZE');
    return seeded;
  });
}

/**
 * A migrated database, for as long as the work takes.
 * @template T
 * @param {import('../candidates.mjs').Storage} storage
 * @param {(database: Database) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withDatabase(storage, work) {
  const { connectionOptions } = require('../../dist/src/database/connection-options.js');
  const { EmbeddedDatabase } = require('../../dist/src/database/embedded/embedded-database.js');
  const { migrate } = require('../../dist/src/database/migrations.js');
  const { DataSource } = require('typeorm');
  const limits = { poolMax: 1, connectionTimeoutMs: 10_000, statementTimeoutMs: 3_600_000 };
  const config = { url: storage.url, dataDir: storage.dataDir, ...limits };
  const embedded = config.url ? undefined : new EmbeddedDatabase(config);
  await embedded?.start();
  const database = connectionOptions(config, embedded, { unlimited: true });
  await migrate(database);
  const dataSource = await new DataSource(database).initialize();
  const done = await work(dataSource);
  await dataSource.destroy();
  await embedded?.close();
  return done;
}

/** @typedef {{ query: (text: string, values?: unknown[]) => Promise<any> }} Database */

/** @param {Database} database @param {string} user @param {number} count @returns {Promise<Seeded>} */
async function seedUser(database, user, count) {
  await database.query('INSERT INTO users (id) VALUES ($1)', [user]);
  await database.query(
    `INSERT INTO conversations (id, user_id, title, last_activity_at, created_at, updated_at, indexed_from)
     SELECT gen_random_uuid(), $1, 'Conversation ' || n, now() - n * interval '1 minute', now(), now(), 0
     FROM generate_series(1, $2::int) n`,
    [user, count],
  );
  const [{ id }] = await database.query(
    'SELECT id FROM conversations WHERE user_id = $1 ORDER BY last_activity_at DESC LIMIT 1',
    [user],
  );
  return { id, leaf: await seedMessages(database, user, id, count) };
}

/**
 * One line of turns, as if they had been posted.
 * @param {Database} database
 * @param {string} user
 * @param {string} conversation
 * @param {number} count
 * @returns {Promise<string>} the last message
 */
async function seedMessages(database, user, conversation, count) {
  await database.query(
    `WITH line AS (SELECT n, gen_random_uuid() AS id FROM generate_series(1, $3::int) n),
      linked AS (SELECT n, id, lag(id) OVER (ORDER BY n) AS parent_id, first_value(id) OVER (ORDER BY n) AS branch_id FROM line)
     INSERT INTO messages (id, conversation_id, user_id, parent_id, branch_id, depth, sequence, role, status, parts, tokens,
       created_at, updated_at)
     SELECT id, $2, $1, parent_id, branch_id, n, n, CASE n % 2 WHEN 1 THEN 'user' ELSE 'assistant' END, 'completed',
       jsonb_build_array(jsonb_build_object('type', 'text', 'text', repeat('word ' || n || ' ', 40))), 120, now(), now()
     FROM linked`,
    [user, conversation, count],
  );
  const [{ id: leaf }] = await database.query(
    'SELECT id FROM messages WHERE conversation_id = $1 ORDER BY sequence DESC LIMIT 1',
    [conversation],
  );
  await database.query('UPDATE conversations SET last_sequence = $2, active_leaf_id = $3 WHERE id = $1', [
    conversation,
    count,
    leaf,
  ]);
  return leaf;
}
