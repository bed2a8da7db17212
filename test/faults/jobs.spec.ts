import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { ApiClient, type Page, type Turn } from '../support/api-client';
import { createTestApp } from '../support/create-test-app';
import { startModelServer, type ModelServer } from '../support/model-server';
import { reply } from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { SpawnedService } from '../support/spawned-service';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';

interface Job {
  id: string;
  state: string;
  attempts: number;
}

const TITLES = 6;
const STARTING_MS = 15_000;
const IDLE_MS = 240_000;
/** On a server: a heartbeat that is missed, and the next look for one. */
const TAKEN_OVER_MS = 120_000;

let model: ModelServer;
let database: TestDatabase;
let directory: string;

beforeAll(async () => {
  model = await startModelServer();
  database = await createTestDatabase();
  directory = mkdtempSync(join(tmpdir(), 'parley-jobs-'));
});
afterAll(async () => {
  await database.close();
  await model.close();
  rmSync(directory, { recursive: true, force: true });
});

const start = () => {
  const { url, dataDir } = database.config;
  const at = url ? { DATABASE_URL: url } : { DATA_DIR: dataDir };
  return new SpawnedService(directory, { ...model.env, ...at, TITLE_MODEL: '' });
};

it('jobs that ran when their process was killed are done by the next one, and once', async () => {
  const gate = hold();
  let titles = 0;
  model.otherwise((exchange) => {
    const isTitle = exchange.request.body.messages?.[0]?.content?.startsWith('You name conversations');
    if (!isTitle) return reply('An answer.')(exchange);
    titles += 1;
    return reply(titles > TITLES ? 'A title' : [gate, 'Too late'])(exchange);
  });

  const first = start();
  const before = ApiClient.of(await first.ready(120_000), 'alice');
  const turns = await Promise.all(
    Array.from({ length: TITLES }, async (_, n) => {
      const { id } = (await before.post<{ id: string }>('/conversations', {})).body;
      return before.post<Turn>(`/chat/${id}`, { content: `Question ${n}` });
    }),
  );
  await until(async () => titles === TITLES, 60_000);
  await first.kill();
  gate.release();

  const second = start();
  try {
    const alice = ApiClient.of(await second.ready(120_000), 'alice');
    const jobs = await until(async () => {
      const { data } = (await alice.get<Page<Job>>('/jobs?limit=100')).body;
      return data.every(({ state }) => state === 'completed') && data;
    }, TAKEN_OVER_MS);
    expect(jobs).toHaveLength(TITLES);
    expect(jobs.map(({ attempts }) => attempts)).toEqual(jobs.map(() => 2));
    expect(titles).toBe(2 * TITLES);
    for (const { body } of turns) {
      const conversation = await alice.get<{ title: string }>(`/conversations/${body.conversation_id}`);
      expect(conversation.body.title).toBe('A title');
    }
  } finally {
    await second.kill();
  }
}, 600_000);

it('a process that has nothing to do asks the database for little', async () => {
  // Before there is a connection, which keeps what it was made with.
  const query = vi.spyOn(Client.prototype, 'query');
  const own = await createTestApp();
  try {
    await sleep(STARTING_MS);
    query.mockClear();
    await sleep(IDLE_MS);
    const sent = query.mock.calls.filter((call) => textOf(call[0]).includes('jobs.'));
    console.log(`The queue sends ${((1000 * sent.length) / IDLE_MS).toFixed(2)} statements a second.`);
    // 0.14 a second by clocks of its own, and a few jobs that are due every five minutes or every hour, of four.
    expect(sent.length).toBeLessThanOrEqual(0.14 * (IDLE_MS / 1000) + 20);
  } finally {
    query.mockRestore();
    await own.close();
  }
}, 400_000);

function textOf(statement: unknown): string {
  return typeof statement === 'string' ? statement : ((statement as { text?: string }).text ?? '');
}
