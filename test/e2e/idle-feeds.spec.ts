import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { ConversationsService } from '../../src/conversations/conversations.service';
import { unavailable } from '../../src/database/database-error';
import { reply } from '../support/model-server/behaviours';
import type { SseReader } from '../support/sse-reader';
import { useChatApp } from '../support/use-chat-app';

const FEEDS = 300;
const WATCHED_MS = 6_000;
const embedded = !process.env.TEST_DATABASE_URL;

let sent: string[] = [];
// eslint-disable-next-line typescript/unbound-method
const { query } = Client.prototype;

// Before there is a connection, which keeps what it was made with.
Client.prototype.query = function (this: Client, ...args: unknown[]) {
  const [config] = args as [string | { text: string }];
  sent.push(typeof config === 'string' ? config : config.text);
  return (query as (...all: unknown[]) => unknown).apply(this, args);
} as typeof query;

const t = useChatApp({}, { own: 'records statements' });
const { model } = t;
const alice = t.client('alice');
afterAll(() => (Client.prototype.query = query));

/** Statements about conversations and their messages; leases, for one, are looked after all the time. */
const looks = () =>
  sent.filter((text) => /\bFROM (unnest.*)?"?(conversations|messages)|JOIN conversations/s.test(text));

async function open(ids: string[]): Promise<SseReader[]> {
  const feeds: SseReader[] = [];
  for (const id of ids) feeds.push(await alice.feed(id));
  return feeds;
}

it('feeds in which nothing happens ask the database together, or not at all where nobody else can change anything', async () => {
  const ids: string[] = [];
  for (let i = 0; i < FEEDS; i++) ids.push((await alice.conversation()).id);
  const feeds = await open(ids);
  // A process that has just begun does not know yet whether it is alone.
  await sleep(6_000);
  sent = [];
  await sleep(WATCHED_MS);
  const bySweeper =
    /queued_request|open_replies|reply_journal|FROM instances|erased_as|deleted_at IS NOT NULL/;
  // Something is recorded at all: the lease is renewed meanwhile.
  expect(sent.length).toBeGreaterThan(0);
  const found = looks().filter((text) => !bySweeper.test(text));
  expect(found.slice(embedded ? 0 : 1 + WATCHED_MS / 1_000)).toEqual([]);
  feeds.forEach((feed) => feed.close());
}, 60_000);

it('all feeds of a conversation look once for all of them, and miss nothing', async () => {
  const { id } = await alice.conversation();
  const feeds = await open(Array.from({ length: 30 }, () => id));
  await sleep(200);
  sent = [];
  model.script(reply('One.'), reply('Two.'));
  const first = await (await alice.stream(id, 'Hi')).done();
  const second = await (await alice.stream(id, 'And?')).done();
  await Promise.all(
    feeds.map((feed) => feed.until(() => feed.frames.length >= (first.frames + second.frames).length)),
  );
  expect(new Set(feeds.map(({ frames }) => frames))).toEqual(new Set([first.frames + second.frames]));
  const found = sent.filter((text) =>
    /sequence" > \$2 AND|sequence > \$\d AND.*role = 'assistant'/s.test(text),
  );
  expect(found.length).toBeGreaterThan(0);
  expect(found.length).toBeLessThan(15);
  feeds.forEach((feed) => feed.close());
});

it('a feed whose look has failed looks again by itself', async () => {
  const { id } = await alice.conversation();
  const feed = await alice.feed(id);
  await sleep(200);
  const conversations = t.app.get(ConversationsService, { strict: false });
  const get = vi.spyOn(conversations, 'get').mockRejectedValueOnce(unavailable());
  model.script(reply('One.'));
  const turn = await (await alice.stream(id, 'Hi')).done();
  expect(get).toHaveBeenCalled();
  await feed.until(() => feed.frames === turn.frames);
  feed.close();
});
