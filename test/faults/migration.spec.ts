import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { ApiClient, type Conversation, type Page } from '../support/api-client';
import { createOlderDatabase } from '../support/older-database';
import { SpawnedService } from '../support/spawned-service';
import { SERVER_URL, sized } from './support/options';
import { printRow } from './support/report';

const MESSAGES = sized(20_000, 1_000_000);
const IN_A_CONVERSATION = 200;
const USERS = 100;
/** Of one statement: the embedded database gives it a few seconds, on a busy machine, too. */
const SLICE = 1_000;
const POLL_INTERVAL_MS = 100;

/** Users with conversations of turns in one line, as version 0.1.0 stored them. */
const CONVERSATIONS = `INSERT INTO conversations
    (id, user_id, title, last_activity_at, created_at, updated_at, last_sequence, active_leaf_id)
  SELECT md5('c' || n)::uuid, 'user' || n % ${USERS}, 'Conversation ' || n, now() - n * interval '1 s', now(), now(), $1::int,
    md5('m' || n || '-' || $1)::uuid
  FROM generate_series($2::int, $3::int) n`;
const TURNS = `INSERT INTO messages
    (id, conversation_id, user_id, parent_id, branch_id, depth, sequence, role, status, parts, tokens, model, provider, usage,
     finish_reason, created_at, updated_at)
  SELECT md5('m' || n || '-' || s)::uuid, md5('c' || n)::uuid, 'user' || n % ${USERS},
    CASE WHEN s > 1 THEN md5('m' || n || '-' || s - 1)::uuid END, md5('m' || n || '-1')::uuid, s, s, r.role, 'completed',
    jsonb_build_array(jsonb_build_object('type', 'text', 'text', repeat('Twenty characters. ', 20))), 80,
    r.model, r.model, r.usage, r.finish, now(), now()
  FROM generate_series($2::int, $3::int) n, generate_series(1, $1::int) s, LATERAL (
    SELECT 'user' AS role, NULL AS model, NULL::jsonb AS usage, NULL AS finish WHERE s % 2 = 1
    UNION ALL SELECT 'assistant', 'demo', '{"input_tokens": 10, "output_tokens": 80, "estimated": false}', 'stop' WHERE s % 2 = 0
  ) r`;

/** A large database of an older version is brought up to date: said beforehand, in a time that is known, and complete. */
it(`${MESSAGES} messages of version 0.1.0`, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'parley-migration-'));
  const database = await createOlderDatabase('0.1.0');
  const before = await database.connect();
  const { dataSource } = before;
  for (let user = 0; user < USERS; user++)
    await dataSource.query('INSERT INTO users (id, created_at) VALUES ($1, now())', [`user${user}`]);
  const conversations = MESSAGES / IN_A_CONVERSATION;
  const inSlice = SLICE / IN_A_CONVERSATION;
  for (let first = 1; first <= conversations; first += inSlice) {
    const range = [IN_A_CONVERSATION, first, Math.min(conversations, first + inSlice - 1)];
    await dataSource.query(CONVERSATIONS, range);
    await dataSource.query(TURNS, range);
  }
  const [{ bytes }] = await dataSource.query<[{ bytes: string }]>(
    'SELECT pg_database_size(current_database()) AS bytes',
  );
  await before.close();

  const { url: databaseUrl, dataDir } = database.config;
  const over = new AbortController();
  const locked = databaseUrl ? longestLock(databaseUrl, over.signal) : Promise.resolve(undefined);
  const began = performance.now();
  const service = new SpawnedService(directory, {
    ...(databaseUrl ? { DATABASE_URL: databaseUrl } : { DATA_DIR: dataDir }),
    LOG_LEVEL: 'info',
  });
  try {
    const api = ApiClient.of(await service.ready(1_200_000), 'user1');
    const seconds = (performance.now() - began) / 1000;
    over.abort();
    const lockedMs = await locked;
    printRow('migration', {
      database: SERVER_URL ? 'postgresql' : 'embedded',
      messages: MESSAGES,
      'size before': `${Math.round(Number(bytes) / 1e6)} MB`,
      'ready after': `${seconds.toFixed(1)} s`,
      'longest lock': lockedMs === undefined ? '-' : `${(lockedMs / 1000).toFixed(1)} s`,
    });
    if (Number(bytes) > 200e6) expect(service.output).toMatch(/is brought up to date in one transaction/);
    const { body } = await api.get<Page<Conversation>>('/conversations?limit=1');
    const history = await api.get<Page<{ id: string }>>(`/chat/${body.data[0].id}/history?limit=100`);
    expect([history.status, history.body.data.length]).toEqual([200, 100]);
    const turn = await api.say(body.data[0].id, 'Still there?');
    expect(turn.message.status).toBe('completed');
    await service.kill();
    const after = await database.connect();
    const wrong = await after.dataSource.query(
      `SELECT c.id FROM conversations c WHERE c.message_count <>
         (SELECT count(*) FROM messages m WHERE m.conversation_id = c.id AND m.user_id = c.user_id) LIMIT 5`,
    );
    expect(wrong).toEqual([]);
  } finally {
    over.abort();
    await service.kill();
    await database.close();
    rmSync(directory, { recursive: true, force: true });
  }
}, 3_600_000);

/** The longest time for which somebody who reads a message has to wait, until it is over; on a server alone. */
async function longestLock(url: string, over: AbortSignal): Promise<number> {
  const client = new Client({ connectionString: url });
  await client.connect();
  let longest = 0;
  while (!over.aborted) {
    const began = performance.now();
    await client.query('SELECT id FROM messages LIMIT 1');
    longest = Math.max(longest, performance.now() - began);
    await sleep(POLL_INTERVAL_MS);
  }
  await client.end();
  return longest;
}
