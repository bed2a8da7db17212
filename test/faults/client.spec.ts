import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { followConversation, type Shown, streamTurn } from '../../client/stream';
import type { StreamEvent } from '../../src/replies/events/reply-event.dto';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { type ModelServer, startModelServer } from '../support/model-server';
import { echo } from '../support/model-server/behaviours';
import { RequestProxy } from '../support/request-proxy';
import { SpawnedService } from '../support/spawned-service';
import { until } from '../support/until';
import { rounds, SEED, SERVER_URL } from './support/options';
import { Random } from './support/random';

const ROUNDS = rounds(3);
const REPLIES = 8;
const PER_ROUND_MS = 60_000;

type Event = Shown<StreamEvent>;

/** What a reader of a turn got, and what it had asked. */
interface ReadTurn {
  content: string;
  events: Event[];
}

const textOf = (events: Event[]) =>
  events.map((event) => (event.type === 'chunk' ? event.data.content : '')).join('');

describe('the client of front ends, while the service is restarted', () => {
  let model: ModelServer;
  let database: TestDatabase | undefined;
  let directory: string;
  let service: SpawnedService;
  let url: string;
  let proxy: RequestProxy;
  const headers = { 'X-User-ID': 'alice' };

  beforeAll(async () => {
    model = (await startModelServer()).otherwise(echo({ delayMs: 25 }));
    database = SERVER_URL ? await createTestDatabase() : undefined;
    directory = await mkdtemp(join(tmpdir(), 'parley-client-faults-'));
    await start();
    proxy = await RequestProxy.start(() => url);
  });
  afterAll(async () => {
    await service.kill();
    await proxy.close();
    await model.close();
    await database?.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    service = new SpawnedService(directory, {
      ...model.env,
      ...(database && { DATABASE_URL: database.config.url }),
      SHUTDOWN_GRACE_S: '1',
      LOG_LEVEL: 'info',
    });
    url = await service.ready();
  }

  async function get<T>(path: string): Promise<T> {
    const answer = await fetch(`${url}/api/v1${path}`, { headers });
    return (await answer.json()) as T;
  }

  async function newConversation(): Promise<string> {
    const init = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: '{}' };
    const answer = await fetch(`${url}/api/v1/conversations`, init);
    return ((await answer.json()) as { id: string }).id;
  }

  async function say(conversationId: string, content: string): Promise<ReadTurn> {
    const events: Event[] = [];
    const options = { baseUrl: proxy.url, headers, maxRetries: 100, idleTimeoutMs: 20_000 };
    for await (const event of streamTurn({ ...options, conversationId, turn: { content } }))
      events.push(event);
    return { content, events };
  }

  /** Every event once and in order, and all text that was shown is stored; whole, unless the service died meanwhile. */
  async function expectKept({ content, events }: ReadTurn): Promise<void> {
    const messageId = events[0].id?.split(':')[0] ?? '';
    expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => `${messageId}:${index + 1}`));
    const stored = await get<{ content: string; status: string }>(`/messages/${messageId}`);
    expect(stored.content).toBe(textOf(events));
    const last = events[events.length - 1];
    if (last.type === 'error') expect(last.data.code).toBe('interrupted');
    else expect(last).toMatchObject({ type: 'end', data: { full_text: content } });
    expect(stored.status).toBe(last.type === 'error' ? 'interrupted' : 'completed');
  }

  it(
    `shows every event once and in order, and makes each turn once (${ROUNDS} rounds, seed ${SEED})`,
    async () => {
      const random = new Random(SEED);
      for (let round = 0; round < ROUNDS; round++) {
        const conversations = await Promise.all(Array.from({ length: REPLIES }, newConversation));
        const leave = new AbortController();
        const fed: Event[] = [];
        let opened = false;
        const feed = (async () => {
          const options = { baseUrl: proxy.url, headers, signal: leave.signal, idleTimeoutMs: 20_000 };
          const [conversationId] = conversations;
          const onOpen = () => (opened = true);
          for await (const event of followConversation({ ...options, conversationId, onOpen }))
            fed.push(event);
        })();
        await until(async () => opened);
        const turns = conversations.map(async (id, index) => {
          // Some are sent when the service is gone already.
          if (index > 0) await sleep(random.int(0, 2_000));
          return say(id, `${round}/${index} ${'word '.repeat(random.int(1, 60))}`.trim());
        });
        // A feed that has shown nothing yet does not know where it was.
        await until(async () => fed.length > 0);
        await sleep(random.int(0, 1_500));
        service.signal(random.pick(['SIGKILL', 'SIGTERM']));
        await service.exit;
        await sleep(random.int(0, 1_000));
        await start();
        const read = await Promise.all(turns);
        for (const turn of read) await expectKept(turn);
        for (const id of conversations)
          expect((await get<{ data: unknown[] }>(`/chat/${id}/history`)).data).toHaveLength(2);
        // The feed goes on as well.
        const next = await say(conversations[0], 'And now?');
        const expected = [...read[0].events, ...next.events];
        await until(async () => fed.at(-1)?.id === expected.at(-1)?.id);
        expect(fed).toEqual(expected);
        leave.abort();
        await expect(feed).rejects.toBe(leave.signal.reason);
      }
      await until(async () => proxy.open === 0);
    },
    60_000 + ROUNDS * PER_ROUND_MS,
  );
});
