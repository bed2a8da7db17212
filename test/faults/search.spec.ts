import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { partitionOf } from '../../src/search/index/entries';
import { ApiClient, type Page } from '../support/api-client';
import { type ModelServer, startModelServer } from '../support/model-server';
import { echo } from '../support/model-server/behaviours';
import { createOlderDatabase } from '../support/older-database';
import { SpawnedService } from '../support/spawned-service';
import type { TestDatabase } from '../support/test-database';
import { until } from '../support/until';
import { Random } from './support/random';
import { SEED, SERVER_URL, sized } from './support/options';
import { printRow } from './support/report';

/** Twice as many as are worked on from either end. */
const CONVERSATIONS = sized(50, 300);
const IN_A_CONVERSATION = 50;
const USERS = ['ann', 'ben', 'cas'];
/** Is erased while the job runs. */
const LEAVER = 'dot';
const KILLS = sized(SERVER_URL ? 2 : 3, 20);
/** On a server a job of a process that was killed is taken over after a heartbeat that is missed, and the next look for one. */
const TAKEN_OVER_MS = 180_000;
/** Found words of old messages by which it is seen that the job goes on. */
const SAMPLE = 25;

/** As the version before stored them; the word of each message is in no other. */
const STORED = `WITH c AS (
    INSERT INTO conversations (id, user_id, title, last_activity_at, created_at, updated_at, last_sequence, active_leaf_id, message_count)
    SELECT md5($1::text || n)::uuid, $1::text, 'title' || $1::text || n, now() - n * interval '1 s', now(), now(), ${IN_A_CONVERSATION},
      md5($1::text || n || '-${IN_A_CONVERSATION}')::uuid, ${IN_A_CONVERSATION}
    FROM generate_series($2::int, $3::int) n
  )
  INSERT INTO messages (id, conversation_id, user_id, parent_id, branch_id, depth, sequence, role, status, parts, tokens, model, created_at, updated_at)
  SELECT md5($1::text || n || '-' || s)::uuid, md5($1::text || n)::uuid, $1::text, CASE WHEN s > 1 THEN md5($1::text || n || '-' || s - 1)::uuid END,
    md5($1::text || n || '-1')::uuid, s, s, CASE s % 2 WHEN 1 THEN 'user' ELSE 'assistant' END, 'completed',
    jsonb_build_array(jsonb_build_object('type', 'text', 'text', 'Old ' || $1::text || n || 'x' || s || repeat(' and so on', 20))), 80,
    CASE s % 2 WHEN 0 THEN 'demo' END, now(), now()
  FROM generate_series($2::int, $3::int) n, generate_series(1, ${IN_A_CONVERSATION}) s`;

interface Hit {
  message_id: string | null;
  conversation: { id: string };
}

let model: ModelServer;
let database: TestDatabase;
let directory: string;
let services: SpawnedService[] = [];

beforeAll(async () => {
  model = await startModelServer();
  model.otherwise(echo());
  directory = mkdtempSync(join(tmpdir(), 'parley-search-'));
  database = await createOlderDatabase('before-search');
  const connection = await database.connect();
  const { dataSource } = connection;
  for (const user of [...USERS, LEAVER]) {
    await dataSource.query('INSERT INTO users (id, created_at) VALUES ($1, now())', [user]);
    for (let first = 1; first <= CONVERSATIONS; first += 10)
      await dataSource.query(STORED, [user, first, Math.min(CONVERSATIONS, first + 9)]);
  }
  await connection.close();
}, 600_000);
afterAll(async () => {
  await Promise.all(services.map((service) => service.kill()));
  await database.close();
  await model.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Two processes on a server; the embedded database has one. */
async function start(): Promise<(user: string) => ApiClient> {
  const { url, dataDir } = database.config;
  const at = url ? { DATABASE_URL: url } : { DATA_DIR: dataDir };
  services = (url ? [1, 2] : [1]).map(() => new SpawnedService(directory, { ...model.env, ...at }));
  const urls = await Promise.all(services.map((service) => service.ready(180_000)));
  let asked = 0;
  return (user) => ApiClient.of(urls[asked++ % urls.length], user);
}

/** A busy machine may have the database take longer than a statement may. */
async function found(api: ApiClient, word: string): Promise<Hit[]> {
  return until(async () => {
    const { status, body, text } = await api.get<Page<Hit>>(`/search?q=%22${word}%22`);
    if (status !== 200 && status !== 503) throw new Error(text);
    return status === 200 && body.data;
  }, 120_000);
}

/** As `STORED` names them. */
function messageId(user: string, conversation: number, sequence: number): string {
  const digits = createHash('md5').update(`${user}${conversation}-${sequence}`).digest('hex');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

const wordOf = (user: string, conversation: number, sequence: number) => `${user}${conversation}x${sequence}`;

/** What people do meanwhile, each to a conversation of its own, and which words there are after it, and which no longer. */
class Work {
  readonly present: { user: string; word: string; conversation?: boolean }[] = [];
  readonly gone: { user: string; word: string }[] = [];
  private next = new Map<string, number>();

  constructor(private readonly random: Random) {}

  /** One of each, in old conversations: the newest are indexed first, so it begins with the oldest. */
  async round(as: (user: string) => ApiClient): Promise<void> {
    for (const user of USERS)
      for (const act of ['say', 'edit', 'cut', 'delete', 'rename'] as const) {
        const count = (this.next.get(user) ?? 0) + 1;
        this.next.set(user, count);
        const number = this.random.chance(0.5) ? CONVERSATIONS + 1 - count : count;
        await this[act](as(user), user, number);
      }
  }

  private async say(api: ApiClient, user: string, number: number): Promise<void> {
    const id = await idOf(api, user, number);
    const word = `said${user}${number}`;
    await api.say(id, `New ${word}`);
    this.present.push({ user, word });
  }

  private async edit(api: ApiClient, user: string, number: number): Promise<void> {
    const word = `edited${user}${number}`;
    const id = messageId(user, number, IN_A_CONVERSATION - 1);
    const { status, text } = await api.post(`/messages/${id}/edit`, { content: `New ${word}` });
    if (status !== 200) throw new Error(text);
    this.present.push({ user, word }, { user, word: wordOf(user, number, IN_A_CONVERSATION - 1) });
  }

  /** The last two messages of a conversation. */
  private async cut(api: ApiClient, user: string, number: number): Promise<void> {
    const { status, text } = await api.delete(`/messages/${messageId(user, number, IN_A_CONVERSATION - 1)}`);
    if (status !== 204) throw new Error(text);
    for (const sequence of [IN_A_CONVERSATION - 1, IN_A_CONVERSATION])
      this.gone.push({ user, word: wordOf(user, number, sequence) });
    this.present.push({ user, word: wordOf(user, number, 1) });
  }

  private async delete(api: ApiClient, user: string, number: number): Promise<void> {
    const { status, text } = await api.delete(`/conversations/${await idOf(api, user, number)}`);
    if (status !== 204) throw new Error(text);
    for (const word of [wordOf(user, number, 1), `title${user}${number}`]) this.gone.push({ user, word });
  }

  private async rename(api: ApiClient, user: string, number: number): Promise<void> {
    const id = await idOf(api, user, number);
    const title = `renamed${user}${number}`;
    const { status, text } = await api.patch(`/conversations/${id}`, { title });
    if (status !== 200) throw new Error(text);
    this.present.push({ user, word: title });
    this.gone.push({ user, word: `title${user}${number}` });
  }
}

async function idOf(api: ApiClient, user: string, number: number): Promise<string> {
  const path = `/conversations?limit=100&q=title${user}${number}`;
  const { body } = await api.get<Page<{ id: string; title: string }>>(path);
  const { id } = body.data.find(({ title }) => title === `title${user}${number}`) ?? { id: '' };
  if (!id) throw new Error(`${user} has no conversation ${number}`);
  return id;
}

it(`what was stored before there was search is found once, however often the job is killed (seed ${SEED})`, async () => {
  const random = new Random(SEED);
  const work = new Work(random);
  const sample = Array.from({ length: SAMPLE }, (_, n) => ({
    user: USERS[n % USERS.length],
    word: wordOf(
      USERS[n % USERS.length],
      1 + Math.floor((n * CONVERSATIONS) / SAMPLE),
      IN_A_CONVERSATION / 2,
    ),
  }));
  const countFound = async (as: (user: string) => ApiClient) => {
    const hits = await Promise.all(sample.map(({ user, word }) => found(as(user), word)));
    return hits.filter(({ length }) => length > 0).length;
  };
  let done = 0;
  let killed = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const as = await start();
    const before = await countFound(as);
    await work.round(as);
    // It goes on behind the answer, if it takes long, and after a start.
    if (kill === 0) expect([202, 204]).toContain((await as(LEAVER).delete(`/users/${LEAVER}`)).status);
    await until(async () => (await countFound(as)) > before || before > SAMPLE / 2, TAKEN_OVER_MS);
    await sleep(random.int(0, 300));
    done = await countFound(as);
    if (done < SAMPLE) killed += 1;
    await Promise.all(services.map((service) => service.kill()));
  }
  const as = await start();
  await work.round(as);
  await until(async () => (await countFound(as)) >= SAMPLE - work.gone.length, TAKEN_OVER_MS);

  for (const { user, word } of work.present) {
    const hits = await until(async () => {
      const all = await found(as(user), word);
      return all.length > 0 && all;
    }, TAKEN_OVER_MS);
    // A reply repeats what was said.
    expect([word, new Set(hits.map(({ message_id }) => message_id)).size]).toEqual([word, hits.length]);
    for (const other of USERS) if (other !== user) expect(await found(as(other), word)).toEqual([]);
  }
  for (const { user, word } of work.gone) expect([word, await found(as(user), word)]).toEqual([word, []]);
  await until(
    async () => [204, 404].includes((await as(LEAVER).delete(`/users/${LEAVER}`)).status),
    TAKEN_OVER_MS,
  );
  await Promise.all(services.map((service) => service.kill()));

  const connection = await database.connect();
  const { dataSource } = connection;
  await expectWhole(dataSource);
  const [{ entries }] = await dataSource.query<[{ entries: number }]>(
    'SELECT count(*)::int AS entries FROM search_entries',
  );
  await connection.close();
  printRow('search', {
    database: SERVER_URL ? 'postgresql' : 'embedded',
    kills: KILLS,
    'while the job ran': killed,
    entries,
  });
}, 3_600_000);

/** The index has an entry for each message with text and each title, with its words, in a segment that is listed; and no other. */
async function expectWhole(db: DataSource): Promise<void> {
  expect(
    await db.query('SELECT id FROM conversations WHERE indexed_from <> 0 OR indexed_from IS NULL'),
  ).toEqual([]);
  const wrong = await db.query(
    `WITH wanted AS (
       SELECT m.id, m.user_id, m.conversation_id, m.role FROM messages m
       JOIN conversations c ON c.id = m.conversation_id AND c.user_id = m.user_id AND c.deleted_at IS NULL
       WHERE jsonb_path_exists(m.parts, '$[*] ? (@.type == "text" && @.text != "")')
       UNION ALL SELECT id, user_id, id, NULL FROM conversations WHERE title IS NOT NULL AND deleted_at IS NULL
     )
     SELECT w.id AS missing, e.id AS superfluous FROM wanted w
     FULL JOIN search_entries e ON e.id = w.id AND e.user_id = w.user_id AND e.conversation_id = w.conversation_id AND e.role IS NOT DISTINCT FROM w.role
     WHERE w.id IS NULL OR e.id IS NULL LIMIT 5`,
  );
  expect(wrong).toEqual([]);
  expect(await db.query('SELECT 1 FROM search_entries WHERE user_id = $1', [LEAVER])).toEqual([]);
  expect(await db.query('SELECT 1 FROM search_segments WHERE user_id = $1', [LEAVER])).toEqual([]);
  for (const user of USERS) {
    // As the words of old messages were stored, and by the prefix of the segment that the entry names.
    const without = await db.query(
      `SELECT m.id FROM messages m JOIN search_entries e ON e.id = m.id AND e.user_id = m.user_id
       LEFT JOIN search_segments g ON g.user_id = e.user_id AND g.segment = e.segment AND g.from_at <= e.created_at
       WHERE m.user_id = $1 AND m.parts #>> '{0,text}' LIKE 'Old %' AND (g.segment IS NULL OR NOT e.tokens @@
         ('''' || $2 || to_hex(e.segment) || ':' || split_part(m.parts #>> '{0,text}', ' ', 2) || '''')::tsquery) LIMIT 5`,
      [user, partitionOf(user)],
    );
    expect(without).toEqual([]);
  }
}
