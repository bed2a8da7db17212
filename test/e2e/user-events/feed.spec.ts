import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { STORAGE_BOUNDS } from '../../../src/config/bounds';
import { UserEventWatcher } from '../../../src/user-events/user-event-watcher';
import { UserEventRetention } from '../../../src/user-events/user-event-retention';
import { UserEventsRepository } from '../../../src/user-events/user-events.repository';
import { unavailable } from '../../../src/database/database-error';
import { ApiClient } from '../../support/api-client';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { type ModelServer, startModelServer } from '../../support/model-server';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { SocketClient } from '../../support/socket-client';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';
import { until } from '../../support/until';
import { UserFeedClient, type FeedFrame } from '../../support/user-feed-client';

let model: ModelServer;
let t: TestApp;
let alice: ApiClient;
let user: string;
let users = 0;
const opened: UserFeedClient[] = [];

beforeAll(async () => {
  model = await startModelServer();
  t = await createTestApp({ env: { ...model.env, SSE_HEARTBEAT_MS: '200' } });
});
beforeEach(() => {
  model.reset();
  user = `reader-${(users += 1)}`;
  alice = ApiClient.of(t.url, user);
});
afterEach(() => opened.splice(0).forEach((feed) => feed.close()));
afterAll(async () => {
  await t.close();
  await model.close();
});

async function open(query?: string, lastEventId?: string): Promise<UserFeedClient> {
  const feed = await UserFeedClient.open(t.url, { user, query, lastEventId });
  opened.push(feed);
  return feed;
}

const query = <Row>(text: string, parameters: unknown[] = []): Promise<Row[]> =>
  t.app.get(DataSource).query(text, parameters);

describe('a feed that is resumed', () => {
  it('goes on after each of its events, without a gap or a repetition', async () => {
    const feed = await open();
    for (const title of ['One', 'Two', 'Three']) await alice.conversation({ title });
    await feed.count('conversation.created', 3);
    const events = [...feed.events];
    expect(new Set(events.map(({ id }) => id)).size).toBe(3);
    for (const [index, { id }] of events.entries()) {
      const rest = await open(undefined, id);
      const { id: next } = await alice.conversation({ title: 'Next' });
      await rest.until(() => rest.events.some(({ data }) => data.conversation_id === next));
      expect(rest.events.slice(0, 2 - index)).toEqual(events.slice(index + 1, 3));
      expect((await open(`after=${id}`)).status).toBe(200);
    }
  });

  it('reads of many events in pieces all of them', async () => {
    const feed = await open();
    await alice.conversation({ title: '0' });
    await feed.count('conversation.created', 1);
    const { lastId } = feed;
    for (let n = 1; n <= 250; n++) await alice.conversation({ title: String(n) });
    const rest = await (await open(undefined, lastId)).count('conversation.created', 250);
    expect(rest.events.map(({ data }) => data.title)).toEqual(
      Array.from({ length: 250 }, (_, n) => String(n + 1)),
    );
  });

  it('begins anew after an event that is not known: too old, of the future, or of somebody else', async () => {
    const bob = ApiClient.of(t.url, `${user}-bob`);
    const feed = await open();
    const { id } = await alice.conversation({ title: 'One' });
    await feed.count('conversation.created', 1);
    const known = feed.lastId;
    const future = (parseInt(known, 36) + 10).toString(36);
    const past = (parseInt(known, 36) - 10).toString(36);
    for (const unknown of [future, past, 'zzzzzzzz', '1']) {
      const rest = await (await open(undefined, unknown)).count('reset', 1);
      expect(rest.events[0]).toMatchObject({ id: known, data: { reason: 'unknown_event' } });
    }
    await bob.conversation({ title: 'Of Bob' });
    const after = await open(undefined, future);
    await after.count('reset', 1);
    await alice.patch(`/conversations/${id}`, { pinned: true });
    await after.count('conversation.updated', 1);
    expect(after.types).toEqual(['reset', 'conversation.updated']);
    const none = await UserFeedClient.open(t.url, { user: `${user}-new`, lastEventId: known });
    await none.count('reset', 1);
    none.close();
  });

  it.each(['', ' ', 'x y', '-1', '1.2', 'é', '019a5b1c-7f00-7000-8000-000000000001:3', 'a'.repeat(9_000)])(
    'refuses what no feed has as an id: %j',
    async (id) => {
      const feed = await open(`after=${encodeURIComponent(id)}`);
      if (id === '') return expect(feed.status).toBe(200);
      expect(feed.status).toBe(400);
      expect(await feed.problem()).toMatchObject({ code: 'invalid_last_event_id' });
    },
  );

  it.each(['', 'chunk', 'chunks,x', 'CHUNKS'])('refuses to include %j', async (include) => {
    const feed = await open(`include=${include}`);
    expect([feed.status, (await feed.problem()).code]).toEqual([400, 'validation_failed']);
  });

  it('keeps events for two hours and no longer', async () => {
    const feed = await open();
    await alice.conversation({ title: 'One' });
    await alice.conversation({ title: 'Two' });
    await feed.count('conversation.created', 2);
    const age = (ms: number) =>
      query('UPDATE user_events SET created_at = now() - make_interval(secs => $1) WHERE user_id = $2', [
        ms / 1_000,
        user,
      ]);
    const retention = t.app.get(UserEventRetention, { strict: false });
    await age(STORAGE_BOUNDS.userEventRetention.limit - 60_000);
    await retention.sweep();
    const kept = await (await open(undefined, feed.events[0].id)).count('conversation.created', 1);
    expect(kept.types).toEqual(['conversation.created']);
    await age(STORAGE_BOUNDS.userEventRetention.limit + 60_000);
    expect(await retention.sweep()).toBe(2);
    await (await open(undefined, feed.events[0].id)).count('reset', 1);
    // The head stays, and so the last event is known.
    const last = await open(undefined, feed.lastId);
    await alice.conversation({ title: 'Three' });
    await last.count('conversation.created', 1);
    expect(last.types).toEqual(['conversation.created']);
  });

  it('keeps no more events of a user than the bound', async () => {
    await open();
    await alice.conversation({ title: 'One' });
    await query('UPDATE user_event_heads SET seq = seq + $1 WHERE user_id = $2', [
      STORAGE_BOUNDS.keptUserEvents.limit,
      user,
    ]);
    await alice.conversation({ title: 'Two' });
    const { body } = await alice.get<{ data: { id: string }[] }>('/conversations');
    await alice.patch(`/conversations/${body.data[0].id}`, { pinned: true });
    const rows = await query<{ type: string }>(
      "SELECT events -> 0 ->> 'type' AS type FROM user_events WHERE user_id = $1 ORDER BY seq",
      [user],
    );
    expect(rows.map(({ type }) => type)).toEqual(['conversation.created', 'conversation.updated']);
  });

  const keptEvents = async () =>
    (await query<{ events: object[] }>('SELECT events FROM user_events WHERE user_id = $1', [user])).flatMap(
      ({ events }) => events,
    );
  const followedFor = (interval: string) =>
    query('UPDATE user_event_heads SET followed_until = now() + $1::interval WHERE user_id = $2', [
      interval,
      user,
    ]);
  const hoursLeft = async () => {
    const [row] = await query<{ hours: number }>(
      'SELECT extract(epoch FROM followed_until - now())::float8 / 3600 AS hours FROM user_event_heads WHERE user_id = $1',
      [user],
    );
    return row.hours;
  };

  it('has the events of a user since the first feed: what nobody follows is counted, not kept', async () => {
    model.script(reply('Hi.'));
    const { id } = await alice.conversation({ title: 'Before' });
    await alice.say(id, 'Hello');
    expect(await keptEvents()).toEqual([]);
    const feed = await open();
    await alice.conversation({ title: 'After' });
    await feed.count('conversation.created', 1);
    expect(feed.types).toEqual(['conversation.created']);
    expect(await keptEvents()).toHaveLength(1);
  });

  it('goes on with a user whom nobody followed meanwhile, or is told to reload if something happened', async () => {
    const feed = await open();
    await alice.conversation({ title: 'One' });
    await feed.count('conversation.created', 1);
    feed.close();
    await followedFor('-1 second');
    const next = await open(undefined, feed.lastId);
    await alice.conversation({ title: 'Two' });
    await next.count('conversation.created', 1);
    expect(next.types).toEqual(['conversation.created']);
    next.close();
    await followedFor('-1 second');
    await alice.conversation({ title: 'Missed' });
    const late = await open(undefined, next.lastId);
    await late.count('reset', 1);
    await alice.conversation({ title: 'Three' });
    await late.count('conversation.created', 1);
    expect(late.types).toEqual(['reset', 'conversation.created']);
  });

  it('follows a user on while a feed is open, and for longer than a feed can be away', async () => {
    const watcher = t.app.get(UserEventWatcher, { strict: false });
    const feed = await open();
    expect(await hoursLeft()).toBeGreaterThan(3);
    await followedFor('2 hours 59 minutes');
    await watcher.goOnFollowing();
    expect(await hoursLeft()).toBeGreaterThan(3.9);
    await followedFor('3 hours 1 minute');
    await watcher.goOnFollowing();
    expect(await hoursLeft()).toBeLessThan(3.1);
    feed.close();
    await until(async () => {
      await followedFor('1 minute');
      await watcher.goOnFollowing();
      return (await hoursLeft()) < 1;
    });
  });

  it.each(['!', 'zzzzzzzzzzzzzzzzzzz'])('refuses %j before it follows anybody', async (id) => {
    expect((await open(undefined, id)).status).toBe(400);
    expect(await query('SELECT 1 FROM user_event_heads WHERE user_id = $1', [user])).toEqual([]);
  });

  it('looks again by itself after a look that failed', async () => {
    const feed = await open();
    await alice.conversation({ title: 'One' });
    await feed.count('conversation.created', 1);
    const events = t.app.get(UserEventsRepository, { strict: false });
    const after = vi.spyOn(events, 'after').mockRejectedValueOnce(unavailable());
    await alice.conversation({ title: 'Two' });
    await feed.count('conversation.created', 2);
    expect(after).toHaveBeenCalledTimes(2);
    after.mockRestore();
  });
});

/** A reply that waits in its middle. */
async function running(texts: readonly string[]) {
  const { id } = await alice.conversation({ title: 'x' });
  const gate = hold();
  model.script(reply([texts[0], gate, ...texts.slice(1)]));
  const stream = await (await alice.stream(id, 'Hi')).count(2);
  return { id, gate, stream, messageId: stream.messageId };
}

describe('a feed with chunks', () => {
  it('carries the events of every reply, from its start, each with whose it is', async () => {
    const before = await running(['One ', 'two']);
    const feed = await open('include=chunks');
    await feed.count('chunk', 1);
    const later = await running(['Three ', 'four']);
    before.gate.release();
    later.gate.release();
    await feed.count('end', 2);
    for (const { id, stream, messageId } of [before, later]) {
      await stream.done();
      const of = feed.events.filter(({ type, data }) => !type.includes('.') && data.message_id === messageId);
      const whose = { conversation_id: id, message_id: messageId };
      expect(of.map(({ type, data }) => ({ type, data }))).toEqual(
        stream.events.map(({ type, data }) => ({ type, data: { ...data, ...whose } })),
      );
    }
    expect(feed.events.every(({ id }) => id)).toBe(true);
  });

  it('goes on after each of its events, in the middle of replies as well', async () => {
    const feed = await open('include=chunks');
    await alice.conversation({ title: 'first' });
    const one = await running(['A', 'B', 'C']);
    const two = await running(['D', 'E', 'F']);
    one.gate.release();
    two.gate.release();
    await feed.count('reply.ended', 2);
    await feed.count('end', 2);
    const whole = [...feed.events];
    const plain = ({ type, data }: FeedFrame) => JSON.stringify({ type, data });
    for (const [index, { id }] of whole.entries()) {
      const rest = await open('include=chunks', id);
      const missing = whole.slice(index + 1).map(plain);
      if (missing.length) await rest.until(() => rest.events.length >= missing.length);
      await sleep(20);
      // Side by side, replies and events may come in another order; each by itself does not.
      expect(rest.events.map(plain).toSorted()).toEqual(missing.toSorted());
      expect(rest.textOf(one.messageId)).toBe(textAfter(whole, index, one.messageId));
      rest.close();
    }
    expect(feed.textOf(one.messageId)).toBe('ABC');
  });

  it('goes on after each of its events, whatever other feeds of the user are beside it', async () => {
    const feeds = [await open('include=chunks'), await open('include=chunks')];
    const one = await running(['A', 'B', 'C']);
    for (const feed of feeds) await feed.count('chunk', 1);
    const two = await running(['D', 'E', 'F']);
    // It has read neither, and has them at other places than the first two.
    feeds.push(await open('include=chunks'));
    two.gate.release();
    one.gate.release();
    for (const feed of feeds) await feed.count('end', 2);
    for (const { events } of feeds)
      for (const [index, { id }] of events.entries()) {
        const rest = await open('include=chunks', id);
        for (const { messageId } of [one, two]) {
          const missing = textAfter(events, index, messageId);
          await rest.until(() => rest.textOf(messageId).length >= missing.length);
          expect(rest.textOf(messageId)).toBe(missing);
        }
        rest.close();
      }
  });

  it('has the replies that run from their start when it goes on with a feed that had none', async () => {
    const plain = await open();
    const { gate, stream, messageId } = await running(['One ', 'two']);
    await plain.count('reply.started', 1);
    const feed = await open('include=chunks', plain.lastId);
    await feed.count('chunk', 1);
    gate.release();
    await stream.done();
    await feed.count('end', 1);
    expect(feed.textOf(messageId)).toBe('One two');
    // And the other way about: a feed without them goes on with one that had them.
    const rest = await open(undefined, feed.lastId);
    await alice.conversation({ title: 'Next' });
    await rest.count('conversation.created', 1);
    expect(rest.of('chunk')).toEqual([]);
  });

  it('takes what comes from a resume to a further one', async () => {
    const { gate, stream, messageId } = await running([
      'One ',
      ...Array.from({ length: 200 }, (_, n) => `w${n} `),
    ]);
    const seen: FeedFrame[] = [];
    const first = await (await open('include=chunks')).count('chunk', 1);
    seen.push(...first.events);
    let { lastId } = first;
    first.close();
    gate.release();
    for (let turn = 0; !seen.some(({ type }) => type === 'end'); turn++) {
      const feed = await open('include=chunks', lastId);
      const enough = seen.length + 1 + (turn % 7) * 9;
      await feed.until(() => seen.length + feed.events.length >= enough || feed.of('end').length > 0);
      seen.push(...feed.events);
      lastId = feed.lastId;
      feed.close();
    }
    await stream.done();
    const text = seen.filter(({ type, data }) => type === 'chunk' && data.message_id === messageId);
    expect(text.map(({ data }) => data.content).join('')).toBe(stream.end.full_text);
  });

  it('leaves a reply out that is gone, and nothing of others can be read by an id', async () => {
    const { gate, stream, messageId } = await running(['One ', 'two']);
    const feed = await (await open('include=chunks')).count('chunk', 1);
    const mallory = await UserFeedClient.open(t.url, {
      user: `${user}-m`,
      query: 'include=chunks',
      lastEventId: feed.lastId,
    });
    await mallory.count('reset', 1);
    gate.release();
    await stream.done();
    await sleep(200);
    expect(mallory.types).toEqual(['reset']);
    expect(mallory.raw).not.toContain(messageId);
    mallory.close();
  });

  it('shortens long ends where the client asks for that', async () => {
    const feed = await open('include=chunks&full_text=false');
    const { gate } = await running(['x'.repeat(70_000)]);
    gate.release();
    await feed.count('end', 1);
    expect(feed.of('end')[0].data).toMatchObject({ full_text: null, full_text_omitted: true });
  });

  it('lets a reader go that takes nothing, who then resumes', async () => {
    const feed = await open('include=chunks');
    feed.pause();
    const text = 'y'.repeat(9_000);
    const { gate, stream, messageId } = await running([text, ...Array.from({ length: 50 }, () => text)]);
    gate.release();
    await stream.done();
    feed.resume();
    await feed.until(() => feed.of('end').length > 0);
    expect(feed.textOf(messageId).length).toBe(51 * text.length);
  });
});

function textAfter(whole: FeedFrame[], index: number, messageId: string): string {
  const chunks = whole
    .slice(index + 1)
    .filter(({ type, data }) => type === 'chunk' && data.message_id === messageId);
  return chunks.map(({ data }) => String(data.content)).join('');
}

describe('the same over a WebSocket', () => {
  it('sends the events of the feed, and goes on after one', async () => {
    const socket = await SocketClient.of(t.url, user);
    const feed = await open('include=chunks');
    socket.send({ type: 'subscribe', request_id: 's', include: 'chunks' });
    await sleep(100);
    const { gate, stream } = await running(['One ', 'two']);
    gate.release();
    await stream.done();
    await feed.count('end', 1);
    await feed.count('reply.ended', 1);
    const ofFeed = () => socket.frames.filter(({ request_id }) => request_id === 's');
    await socket.until(() => ofFeed().length >= feed.events.length);
    expect(ofFeed().map(({ type, data }) => ({ type, data }))).toEqual(
      feed.events.map(({ type, data }) => ({ type, data })),
    );
    const after = ofFeed()[2].id;
    const again = await SocketClient.of(t.url, user);
    again.send({ type: 'subscribe', request_id: 'a', include: 'chunks', after });
    await again.until(() => again.frames.length >= feed.events.length - 3);
    expect(await socket.ask({ type: 'unsubscribe', request_id: 'u' })).toMatchObject({
      type: 'unsubscribed',
    });
    expect(await socket.ask({ type: 'subscribe', request_id: 'x', after: 'no id' })).toMatchObject({
      type: 'error',
      data: { code: 'invalid_last_event_id', status: 400 },
    });
    expect(await socket.ask({ type: 'subscribe', request_id: 'y', include: 'all' })).toMatchObject({
      data: { code: 'validation_failed' },
    });
    await Promise.all([socket.close(), again.close()]);
  });
});

const several = process.env.TEST_DATABASE_URL ? describe : describe.skip;

several('two instances on one database', () => {
  let database: TestDatabase;
  let apps: TestApp[];
  beforeAll(async () => {
    database = await createTestDatabase();
    const start = () => createTestApp({ env: { ...model.env, SHUTDOWN_GRACE_S: '0' }, database });
    apps = [await start(), await start()];
  });
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await database.close();
  });

  it('keep the event of a change that began before the user was followed and ended after', async () => {
    const [here] = apps.map(({ url }) => ApiClient.of(url, user));
    await here.conversation({ title: 'makes the head of the user' });
    const client = new Client({ connectionString: database.config.url });
    await client.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT 1 FROM user_event_heads WHERE user_id = $1 FOR UPDATE', [user]);
      // Its snapshot is of now; it goes on when whoever follows has committed.
      const change = here.conversation({ title: 'between' });
      await until(async () => {
        const { rows } = await client.query(
          `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return rows.length > 0;
      });
      await client.query(
        `UPDATE user_event_heads SET followed_until = now() + interval '1 hour' WHERE user_id = $1`,
        [user],
      );
      await client.query('COMMIT');
      const { id } = await change;
      const { rows } = await client.query('SELECT events FROM user_events WHERE user_id = $1', [user]);
      expect(rows).toMatchObject([{ events: [{ data: { conversation_id: id } }] }]);
    } finally {
      await client.end();
    }
  });

  it('tell each other, and a feed goes on at the other one in the middle of a reply', async () => {
    const [here, there] = apps.map(({ url }) => ApiClient.of(url, user));
    const openAt = (url: string, lastEventId?: string) =>
      UserFeedClient.open(url, { user, query: 'include=chunks', lastEventId });
    const feed = await openAt(apps[1].url);
    const { id } = await here.conversation({ title: 'x' });
    await feed.count('conversation.created', 1);
    const gate = hold();
    model.script(reply(['One ', gate, 'two ', 'three']));
    const stream = await (await here.stream(id, 'Hi')).count(2);
    await feed.count('chunk', 1);
    feed.close();
    gate.release();
    const rest = await openAt(apps[0].url, feed.lastId);
    await stream.done();
    await rest.count('end', 1);
    await rest.count('reply.ended', 1);
    const { messageId } = stream;
    expect(feed.textOf(messageId) + rest.textOf(messageId)).toBe('One two three');
    expect(await there.message(messageId)).toMatchObject({ status: 'completed' });
    rest.close();
  });
});
