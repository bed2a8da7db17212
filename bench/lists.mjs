// Whether lists and histories stay as fast as they are when somebody has little: `npm run bench -- [--requests N]`.
// Starts the built service twice over the same data: on DATABASE_URL if it is set, otherwise on an embedded database in a
// temporary folder. A user with 10,000 conversations, one of them with 10,000 messages, is held against one with two of
// each; the two are measured in turn, so that a slow moment hits both. Ends with 1 if a ratio reaches --limit (2).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const require = createRequire(import.meta.url);
const { values: options } = parseArgs({
  options: {
    requests: { type: 'string', default: '300' },
    size: { type: 'string', default: '10000' },
    limit: { type: 'string', default: '2' },
    port: { type: 'string', default: '31770' },
  },
});
const requests = Number(options.requests);
const size = Number(options.size);
const run = Date.now().toString(36);
const MANY = `many-${run}`;
const FEW = `few-${run}`;
const api = `http://127.0.0.1:${options.port}/api/v1`;

const dataDir = await mkdtemp(join(tmpdir(), 'parley-bench-'));
try {
  const ids = await seed();
  const service = await startService();
  try {
    process.exitCode = (await measureAll(ids)) ? 0 : 1;
  } finally {
    service.kill('SIGTERM');
    await once(service, 'exit');
  }
} finally {
  await rm(dataDir, { recursive: true, force: true });
}

async function seed() {
  const { connectionOptions } = require('../dist/src/database/connection-options.js');
  const { EmbeddedDatabase } = require('../dist/src/database/embedded/embedded-database.js');
  const { migrate } = require('../dist/src/database/migrations.js');
  const { DataSource } = require('typeorm');
  const config = {
    url: process.env.DATABASE_URL,
    dataDir,
    poolMax: 1,
    connectionTimeoutMs: 10_000,
    statementTimeoutMs: 120_000,
  };
  const embedded = config.url ? undefined : new EmbeddedDatabase(config);
  await embedded?.start();
  const database = connectionOptions(config, embedded, { unlimited: true });
  await migrate(database);
  const dataSource = await new DataSource(database).initialize();
  const ids = {};
  for (const [user, count] of [
    [MANY, size],
    [FEW, 2],
  ]) {
    await dataSource.query('INSERT INTO users (id) VALUES ($1)', [user]);
    await dataSource.query(
      `INSERT INTO conversations (id, user_id, title, last_activity_at, created_at, updated_at)
       SELECT gen_random_uuid(), $1, 'Conversation ' || n, now() - n * interval '1 minute', now(), now()
       FROM generate_series(1, $2::int) n`,
      [user, count],
    );
    [{ id: ids[user] }] = await dataSource.query(
      'SELECT id FROM conversations WHERE user_id = $1 ORDER BY last_activity_at DESC LIMIT 1',
      [user],
    );
    await seedMessages(dataSource, user, ids[user], count);
  }
  await dataSource.query('ANALYZE');
  await dataSource.destroy();
  await embedded?.close();
  return ids;
}

/** One line of turns, as if they had been posted. */
async function seedMessages(dataSource, user, conversation, count) {
  await dataSource.query(
    `WITH line AS (SELECT n, gen_random_uuid() AS id FROM generate_series(1, $3::int) n),
      linked AS (SELECT n, id, lag(id) OVER (ORDER BY n) AS parent_id, first_value(id) OVER (ORDER BY n) AS branch_id FROM line)
     INSERT INTO messages (id, conversation_id, user_id, parent_id, branch_id, depth, sequence, role, status, parts, created_at, updated_at)
     SELECT id, $2, $1, parent_id, branch_id, n, n, CASE n % 2 WHEN 1 THEN 'user' ELSE 'assistant' END, 'completed',
       jsonb_build_array(jsonb_build_object('type', 'text', 'text', repeat('word ' || n || ' ', 40))), now(), now()
     FROM linked`,
    [user, conversation, count],
  );
  await dataSource.query(
    `UPDATE conversations SET last_sequence = $2,
       active_leaf_id = (SELECT id FROM messages WHERE conversation_id = $1 ORDER BY sequence DESC LIMIT 1) WHERE id = $1`,
    [conversation, count],
  );
}

async function startService() {
  const env = {
    ...process.env,
    NODE_ENV: 'development',
    PORT: options.port,
    DATA_DIR: dataDir,
    LOG_LEVEL: 'warn',
  };
  const service = spawn(process.execPath, ['dist/src/main.js'], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (let tries = 0; tries < 200; tries++) {
    const ready = await fetch(`http://127.0.0.1:${options.port}/health/ready`).catch(() => undefined);
    if (ready?.ok) return service;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  service.kill('SIGKILL');
  throw new Error('The service did not become ready.');
}

async function measureAll(ids) {
  console.log(
    `${process.env.DATABASE_URL ? 'PostgreSQL' : 'embedded database'}, ${requests} requests each, in turn`,
  );
  console.log('call                                      | few, p50 ms | many, p50 ms | ratio');
  // The same number of rows in every answer, so that only the search for them can differ.
  const calls = [
    ['GET /conversations?limit=2', () => '/conversations?limit=2'],
    ['GET /conversations/{id} (50 messages of many)', (user) => `/conversations/${ids[user]}`],
    ['GET /conversations/{id}/messages?limit=2', (user) => `/conversations/${ids[user]}/messages?limit=2`],
    ['GET /chat/{id}/history?limit=2, in the middle', (user) => `/chat/${ids[user]}/history?limit=2`, middle],
  ];
  let flat = true;
  for (const [name, path, prepare = async (_user, first) => first] of calls) {
    const paths = { [FEW]: await prepare(FEW, path(FEW)), [MANY]: await prepare(MANY, path(MANY)) };
    const times = { [FEW]: [], [MANY]: [] };
    for (let i = 0; i < requests + 20; i++) {
      for (const user of i % 2 ? [MANY, FEW] : [FEW, MANY]) {
        const began = performance.now();
        await get(user, paths[user]);
        if (i >= 20) times[user].push(performance.now() - began);
      }
    }
    const [few, many] = [median(times[FEW]), median(times[MANY])];
    flat &&= many / few < Number(options.limit);
    console.log(
      `${name.padEnd(42)}| ${few.toFixed(2).padStart(11)} | ${many.toFixed(2).padStart(12)} | ${(many / few).toFixed(2)}`,
    );
  }
  return flat;
}

/** A page from deep inside of a long history: that of the hundredth cursor, or the last one there is. */
async function middle(user, path) {
  let current = path;
  for (let page = 0; page < 100; page++) {
    const { next_cursor } = await get(user, current);
    if (!next_cursor) break;
    current = `${path}&cursor=${next_cursor}`;
  }
  return current;
}

async function get(user, path) {
  const response = await fetch(api + path, { headers: { 'X-User-ID': user } });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
