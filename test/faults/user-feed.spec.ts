import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../support/api-client';
import { type ModelServer, startModelServer } from '../support/model-server';
import { reply } from '../support/model-server/behaviours';
import { SpawnedService } from '../support/spawned-service';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { UserFeedClient, type FeedFrame } from '../support/user-feed-client';

const ROUNDS = 4;
const REPLIES = 3;

let model: ModelServer;
let database: TestDatabase | undefined;
let directory: string;

beforeAll(async () => {
  model = await startModelServer();
  directory = await mkdtemp(join(tmpdir(), 'parley-user-feed-'));
  if (process.env.TEST_DATABASE_URL) database = await createTestDatabase();
});
afterAll(async () => {
  await database?.close();
  await model.close();
  await rm(directory, { recursive: true, force: true });
});

const words = Array.from({ length: 400 }, (_, n) => `w${n} `);

it('a feed that is resumed after kill -9 misses no event and repeats none', async () => {
  const env = { ...model.env, ...(database && { DATABASE_URL: database.config.url }) };
  const seen: FeedFrame[] = [];
  let lastEventId: string | undefined;
  let service: SpawnedService | undefined;
  let url = '';

  const start = async () => {
    service = new SpawnedService(directory, env);
    url = await service.ready();
  };
  const open = () => UserFeedClient.open(url, { user: 'alice', query: 'include=chunks', lastEventId });
  const leave = (feed: UserFeedClient) => {
    seen.push(...feed.events);
    lastEventId = seen.at(-1)?.id;
    feed.close();
  };

  const replies: string[] = [];
  await start();
  for (let round = 0; round < ROUNDS; round++) {
    const alice = ApiClient.of(url, 'alice');
    const feed = await open();
    model.script(...Array.from({ length: REPLIES }, () => reply(words, { delayMs: 3 })));
    for (let n = 0; n < REPLIES; n++) {
      const stream = await (await alice.open('POST', '/chat', { content: `Turn ${round}.${n}` })).count(1);
      replies.push(stream.messageId);
      stream.close();
    }
    await feed.until(() => feed.of('chunk').length > 10 + 30 * round);
    await sleep(round * 20);
    await service?.kill();
    await feed.done();
    leave(feed);
    await start();
  }

  const feed = await open();
  const all = () => [...seen, ...feed.events];
  const endedIds = () =>
    all()
      .filter(({ type }) => type === 'reply.ended')
      .map(({ data }) => data.message_id);
  await feed.until(() => new Set(endedIds()).size === replies.length);
  const terminal = () => all().filter(({ type }) => type === 'end' || type === 'error');
  await feed.until(() => terminal().length >= replies.length);
  await sleep(500);
  leave(feed);

  const alice = ApiClient.of(url, 'alice');
  expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
  const of = (type: string) =>
    seen.filter((event) => event.type === type).map(({ data }) => data.message_id as string);
  expect(of('reply.started').toSorted()).toEqual(replies.toSorted());
  expect(of('reply.ended').toSorted()).toEqual(replies.toSorted());
  expect(of('start').toSorted()).toEqual(replies.toSorted());
  expect(seen.filter(({ type }) => type === 'conversation.created')).toHaveLength(replies.length);
  expect(of('message.created')).toHaveLength(2 * replies.length);
  for (const id of replies) {
    const chunks = seen.filter(({ type, data }) => type === 'chunk' && data.message_id === id);
    const { content } = await alice.message(id);
    expect(chunks.map(({ data }) => data.content).join('')).toBe(content);
  }
  await service?.kill();
}, 300_000);
