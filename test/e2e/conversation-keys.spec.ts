import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { DataSource } from 'typeorm';
import {
  ApiClient,
  type ChatMessage,
  type Conversation,
  type Feedback,
  type Page,
  type Problem,
  type Turn,
} from '../support/api-client';
import { STORAGE_BOUNDS } from '../../src/config/bounds';
import { createTestApp, type TestApp } from '../support/create-test-app';
import { databaseFingerprint } from '../support/database-fingerprint';
import { type ModelServer, startModelServer } from '../support/model-server';
import { reply } from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { SocketClient } from '../support/socket-client';
import { Statements } from '../support/statements';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';

let statements: Statements;
let model: ModelServer;
let t: TestApp;
let alice: ApiClient;
let bob: ApiClient;

beforeAll(async () => {
  statements = new Statements();
  model = await startModelServer();
  t = await createTestApp({ env: { ...model.env, SSE_HEARTBEAT_MS: '100' } });
  statements.watch(t.app.getHttpServer());
  [alice, bob] = [ApiClient.of(t.url, 'alice'), ApiClient.of(t.url, 'bob')];
});
beforeEach(() => model.reset());
afterAll(async () => {
  await t.close();
  await model.close();
  statements.restore();
});

let keys = 0;
const newKey = () => `test-session.${(keys += 1)}`;
const conversations = (client = alice) =>
  client.pages<Conversation>('/conversations', 100).then((all) => all.flat());
const withKey = async (key: string) => (await conversations()).filter((each) => each.key === key);

describe('a key of the client', () => {
  it('names a conversation from its first turn on, wherever one is named', async () => {
    const key = newKey();
    model.otherwise(reply('Yes.'));
    const first = await alice.say(key, 'One');
    const [{ id, title }] = await withKey(key);
    expect([first.conversation_id, title]).toEqual([id, 'One']);
    const streamed = await (await alice.stream(key, 'Two')).done();
    const posted = await (
      await alice.open('POST', '/chat', { conversation_id: key, message: 'Three' })
    ).done();
    expect([streamed, posted].map(({ events: [{ data }] }) => data)).toMatchObject(
      [id, id].map((conversation_id) => ({ conversation_id })),
    );
    expect((await alice.history(key)).map(({ content }) => content)).toEqual([
      'One',
      'Yes.',
      'Two',
      'Yes.',
      'Three',
      'Yes.',
    ]);
    for (const path of ['', '/messages', `/path?message_id=${first.message.id}`]) {
      const [byKey, byId] = [key, id].map((name) => alice.get<Conversation>(`/conversations/${name}${path}`));
      expect((await byKey).status).toBe(200);
      expect((await byKey).text).toBe((await byId).text);
    }
    const changed = await alice.patch<Conversation>(`/conversations/${key}`, { title: 'Mine' });
    expect(changed.body).toMatchObject({ id, key, title: 'Mine' });
    expect((await alice.put<Conversation>(`/conversations/${key}`, { pinned: true })).body.pinned).toBe(true);
    await alice.post('/feedback', { message_id: first.message.id, rating: 5 });
    expect((await alice.get<Page<Feedback>>(`/feedback?conversation_id=${key}`)).body.data).toHaveLength(1);
    expect((await alice.post<ChatMessage>(`/chat/${key}/stop`)).body.status).toBe('completed');
    const resumed = await alice.open(
      'POST',
      `/chat/${key}/stream`,
      { content: 'Two' },
      { 'last-event-id': streamed.ids[1] },
    );
    expect((await resumed.done()).ids).toEqual(streamed.ids.slice(2));
    expect((await alice.post(`/conversations/${key}/read`)).status).toBe(204);
    expect((await alice.post(`/conversations/${key}/title`)).status).toBe(200);
    const share = await alice.post<{ conversation_id: string }>(`/conversations/${key}/shares`, {});
    expect([share.status, share.body.conversation_id]).toEqual([201, id]);
    const fork = await alice.post<Conversation>(`/conversations/${key}/fork`);
    expect([fork.status, fork.body.key]).toEqual([201, null]);
    expect((await alice.delete(`/conversations/${key}/context`)).status).toBe(204);
    expect((await alice.delete(`/conversations/${key}`)).status).toBe(204);
    expect(await withKey(key)).toEqual([]);
  });

  it.each(['a', 'A_b.c~d-9', '...', '.a', 'x'.repeat(128), 'stream', '019a5b1c7f0070008000000000000001'])(
    'may be %s',
    async (key) => {
      const { conversation_id } = await alice.say(key, 'Hi');
      expect((await alice.get<Conversation>(`/conversations/${key}`)).body).toMatchObject({
        id: conversation_id,
        key,
      });
      await alice.delete(`/conversations/${key}`);
    },
  );

  it.each([
    '',
    'a b',
    'ä',
    'a/b',
    'a:b',
    'x'.repeat(129),
    '.',
    '..',
    'a\n',
    randomUUID(),
    randomUUID().toUpperCase(),
    7,
    {},
  ])('cannot be %j', async (key) => {
    const { status, body } = await alice.post('/conversations', { key });
    expect([status, body.code, body.errors?.[0]?.path]).toEqual([400, 'validation_failed', 'key']);
  });

  it.each(['', 'a b', 'ä', 'a/b', 'x'.repeat(129), '.', '..', 7])(
    'of a turn cannot be %j',
    async (conversation_id) => {
      const { status, body } = await alice.post('/chat', { conversation_id, content: 'Hi' });
      expect([status, body.code, body.errors?.[0]?.path]).toEqual([
        400,
        'validation_failed',
        'conversation_id',
      ]);
    },
  );

  it.each(['.', '..', 'a%20b', '%C3%A4', 'x'.repeat(129)])(
    'in the address of a turn or feed cannot be %s',
    async (name) => {
      const before = await databaseFingerprint(t);
      for (const [method, path] of [
        ['POST', `/chat/${name}`],
        ['POST', `/chat/${name}/stream`],
        ['GET', `/chat/${name}/stream`],
      ]) {
        const { status, body } = await asIs(method, path);
        expect([path, status, body.code, body.errors?.[0]?.path]).toEqual([
          path,
          400,
          'validation_failed',
          'conversation_id',
        ]);
      }
      expect(await databaseFingerprint(t)).toEqual(before);
    },
  );

  it('that can be none is not there, but for . and .., which are refused', async () => {
    for (const [path, status] of [
      ['/conversations/a%20b', 404],
      ['/conversations/.', 400],
      ['/chat/../history', 400],
    ] as const)
      expect([path, (await asIs('GET', path)).status]).toEqual([path, status]);
  });

  it('is given with POST /conversations, once', async () => {
    const key = newKey();
    const made = await alice.conversation({ key, system_prompt: 'Be kind.' });
    expect(made.key).toBe(key);
    const again = await alice.post('/conversations', { key });
    expect([again.status, again.body.code]).toEqual([409, 'key_taken']);
    const headers = { 'idempotency-key': randomUUID() };
    const other = newKey();
    const repeated = [1, 2].map(() => alice.post<Conversation>('/conversations', { key: other }, headers));
    const [one, two] = await Promise.all(repeated);
    expect([one.status, two.status, two.body.id]).toEqual([201, 201, one.body.id]);
    expect((await bob.conversation({ key })).id).not.toBe(made.id);
    expect((await alice.conversation({ key: null })).key).toBeNull();
    expect((await alice.patch(`/conversations/${key}`, { key: 'other' })).status).toBe(400);
    await alice.say(key, 'Hi');
    expect(model.requests.at(-1)?.body.messages[0]).toEqual({ role: 'system', content: 'Be kind.' });
  });

  it('is free again once the conversation is deleted, also one that is removed piece by piece', async () => {
    const key = newKey();
    const { conversation_id: first } = await alice.say(key, 'One');
    await alice.delete(`/conversations/${first}`);
    const { conversation_id: second } = await alice.say(key, 'Two');
    expect(second).not.toBe(first);
    await inSlicesOfOne(async () => {
      expect((await alice.delete(`/conversations/${key}`)).status).toBe(204);
    });
    expect((await alice.get(`/conversations/${key}`)).status).toBe(404);
    expect((await alice.say(key, 'Three')).conversation_id).not.toBe(second);
  });

  it("is the user's own: somebody else's is one that is not there", async () => {
    const key = newKey();
    const { conversation_id } = await alice.say(key, 'Secret');
    for (const path of [`/conversations/${key}`, `/conversations/${key}/messages`, `/chat/${key}/history`]) {
      const { status, body } = await bob.get(path);
      expect([path, status, body.code]).toEqual([path, 404, 'conversation_not_found']);
    }
    expect((await bob.post(`/chat/${key}/stop`)).status).toBe(404);
    expect((await bob.delete(`/conversations/${key}`)).status).toBe(404);
    expect((await bob.say(key, 'Mine')).conversation_id).not.toBe(conversation_id);
    expect(await alice.history(key)).toHaveLength(2);
  });

  it('that nothing has is not there, and stays so', async () => {
    const before = await databaseFingerprint(t);
    const key = newKey();
    for (const [method, path] of [
      ['GET', `/conversations/${key}`],
      ['PATCH', `/conversations/${key}`],
      ['DELETE', `/conversations/${key}`],
      ['DELETE', `/conversations/${key}/context`],
      ['POST', `/conversations/${key}/fork`],
      ['POST', `/conversations/${key}/read`],
      ['POST', `/conversations/${key}/title`],
      ['POST', `/conversations/${key}/shares`],
      ['GET', `/conversations/${key}/messages`],
      ['GET', `/conversations/${key}/path?message_id=${randomUUID()}`],
      ['GET', `/chat/${key}/history`],
      ['POST', `/chat/${key}/stop`],
      ['GET', `/feedback?conversation_id=${key}`],
      ['GET', `/shares?conversation_id=${key}`],
      ['GET', `/search?q=x&conversation_id=${key}`],
    ]) {
      const { status, body } = await alice.call(method, path, method === 'PATCH' ? {} : undefined);
      expect([path, status, body.code]).toEqual([path, 404, 'conversation_not_found']);
    }
    const parent = await alice.post(`/chat/${key}`, { content: 'x', parent_id: randomUUID() });
    expect([parent.status, parent.body.code]).toEqual([404, 'message_not_found']);
    const resumed = await alice.post(
      `/chat/${key}`,
      { content: 'x' },
      { 'last-event-id': `${randomUUID()}:1` },
    );
    expect([resumed.status, resumed.body.code]).toEqual([404, 'conversation_not_found']);
    expect(await databaseFingerprint(t)).toEqual(before);
  });

  it('is deleted with others by its name as it is written: capital letters are others', async () => {
    const key = newKey();
    const [upper, lower] = [`${key}-AB`, `${key}-ab`];
    const made = await alice.conversation({ key: upper });
    const kept = await alice.conversation({ key: lower });
    const byId = await alice.conversation();
    const { body } = await alice.post('/conversations/delete', { ids: [upper, byId.id.toUpperCase()] });
    expect(body).toEqual({ deleted: [made.id, byId.id] });
    expect((await alice.get(`/conversations/${upper}`)).status).toBe(404);
    expect((await alice.get(`/conversations/${lower}`)).body).toMatchObject({ id: kept.id });
  });

  it('is part of the export, and goes with the user', async () => {
    const carol = ApiClient.of(t.url, 'carol');
    const key = newKey();
    await carol.say(key, 'Hi');
    const lines = (await carol.get('/users/carol/export')).text.trim().split('\n');
    expect(lines.filter((line) => line.includes(`"key":"${key}"`))).toHaveLength(1);
    expect((await carol.delete('/users/carol')).status).toBe(204);
    const rows = await t.app.get(DataSource).query('SELECT 1 FROM conversations WHERE key = $1', [key]);
    expect(rows).toEqual([]);
  });

  it('costs a turn no statement', async () => {
    const key = newKey();
    const { id } = await alice.conversation({ key });
    const turn = (name: string) => statements.of(() => alice.say(name, 'Hi'));
    const byId = await turn(id);
    expect((await turn(key)).length).toBe(byId.length);
  });

  it('names a conversation on the socket', async () => {
    const key = newKey();
    const socket = await SocketClient.of(t.url, 'alice');
    socket.send({ type: 'follow', conversation_id: key, request_id: 'feed' });
    socket.send({ type: 'chat', conversation_id: key, content: 'Hi', request_id: 'turn' });
    const [shown, own] = [await socket.reply('feed'), await socket.reply('turn')];
    expect(shown.events).toEqual(own.events);
    const ask = (type: string, conversation_id: string) =>
      socket.ask({ type, conversation_id, request_id: `${type} ${conversation_id}` });
    expect((await ask('stop', key)).type).toBe('stopped');
    expect(await ask('unfollow', key)).toMatchObject({ type: 'unfollowed', data: { conversation_id: key } });
    expect(await ask('stop', newKey())).toMatchObject({
      type: 'error',
      data: { code: 'conversation_not_found' },
    });
    expect(await ask('follow', '..')).toMatchObject({ type: 'error', data: { code: 'validation_failed' } });
    await socket.close();
  });
});

describe('fifty first turns at once on one new key', () => {
  const fifty = (key: string) =>
    Array.from({ length: 50 }, (_, n) => alice.post<Turn>(`/chat/${key}`, { content: `${n}` }));

  it('make one conversation, and one turn', async () => {
    const key = newKey();
    const gate = hold();
    model.otherwise(reply(['One', gate]));
    const turns = fifty(key);
    await answered(turns, 49);
    gate.release();
    expect(await statusesOf(turns)).toEqual([200, ...Array<number>(49).fill(409)]);
    expect(await withKey(key)).toHaveLength(1);
    expect(await alice.history(key)).toHaveLength(2);
  });

  it('with an Idempotency-Key each as well', async () => {
    const key = newKey();
    const gate = hold();
    model.otherwise(reply(['One', gate]));
    const turns = Array.from({ length: 10 }, () =>
      alice.post<Turn>(`/chat/${key}`, { content: 'Hi' }, { 'idempotency-key': randomUUID() }),
    );
    await answered(turns, 9);
    gate.release();
    expect(await statusesOf(turns)).toEqual([200, ...Array<number>(9).fill(409)]);
    expect(await alice.history(key)).toHaveLength(2);
    expect(await withKey(key)).toHaveLength(1);
  });

  it('with one Idempotency-Key are one turn, which all get', async () => {
    const key = newKey();
    model.otherwise(reply('Yes.'));
    const headers = { 'idempotency-key': randomUUID() };
    const turns = Array.from({ length: 10 }, () =>
      alice.post<Turn>(`/chat/${key}`, { content: 'Hi' }, headers),
    );
    expect(await statusesOf(turns)).toEqual(Array<number>(10).fill(200));
    expect(await alice.history(key)).toHaveLength(2);
    expect(await withKey(key)).toHaveLength(1);
  });

  it('are queued if they ask for it, in the same conversation', async () => {
    const key = newKey();
    model.otherwise(reply('Yes.'));
    const turns = [1, 2, 3, 4].map((n) =>
      alice.post<Turn>(`/chat/${key}`, { content: `${n}`, on_busy: 'queue' }),
    );
    const answers = await Promise.all(turns);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await alice.history(key)).toHaveLength(8);
    expect(await withKey(key)).toHaveLength(1);
  });

  it('interrupt each other if they ask for it', async () => {
    const key = newKey();
    model.otherwise(reply(['Yes', '.'], { delayMs: 20 }));
    const turns = [1, 2, 3].map((n) =>
      alice.post<Turn>(`/chat/${key}`, { content: `${n}`, on_busy: 'interrupt' }),
    );
    const answers = await Promise.all(turns);
    for (const { status } of answers) expect([200, 409]).toContain(status);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    expect(await withKey(key)).toHaveLength(1);
  });
});

describe('a feed on a key', () => {
  it('waits for the turn that makes its conversation, and stores nothing', async () => {
    const key = newKey();
    const before = await databaseFingerprint(t);
    const feeds = [await alice.feed(key), await alice.feed(key)];
    const others = await bob.feed(key);
    for (const feed of feeds) await feed.until(() => feed.pings > 1);
    expect(await databaseFingerprint(t)).toEqual(before);
    const first = await (await alice.stream(key, 'One')).done();
    const second = await (await alice.stream(key, 'Two')).done();
    for (const feed of feeds) {
      await feed.count(first.events.length + second.events.length);
      expect(feed.frames).toBe(first.frames + second.frames);
      feed.close();
    }
    expect(others.events).toEqual([]);
    others.close();
  });

  it('goes on with one that was made empty, and ends with it', async () => {
    const key = newKey();
    const feed = await alice.feed(key);
    await alice.conversation({ key });
    const turn = await (await alice.stream(key, 'One')).done();
    await feed.count(turn.events.length);
    expect(feed.frames).toBe(turn.frames);
    await alice.delete(`/conversations/${key}`);
    await feed.done();
  });

  it('resumed on a key that nothing has is refused', async () => {
    const feed = await alice.feed(newKey(), { 'last-event-id': `${randomUUID()}:1` });
    expect([feed.status, (await feed.problem()).code]).toEqual([400, 'invalid_last_event_id']);
  });

  it('resumed on a key whose conversation is gone waits for the next one, as a browser comes back by itself', async () => {
    const key = newKey();
    const { ids } = await (await alice.stream(key, 'One')).done();
    await alice.delete(`/conversations/${key}`);
    const feed = await alice.feed(key, { 'last-event-id': ids[1] });
    expect(feed.status).toBe(200);
    const next = await (await alice.stream(key, 'Two')).done();
    await feed.count(next.events.length);
    expect(feed.frames).toBe(next.frames);
    feed.close();
  });
});

describe('a feed that comes late', () => {
  it('begins with a reply that has just ended and that no feed has shown to its end, once', async () => {
    const key = newKey();
    const turn = await (await alice.stream(key, 'One')).done();
    const late = await alice.feed(key);
    await late.count(turn.events.length);
    expect(late.frames).toBe(turn.frames);
    const later = await alice.feed(key);
    await later.until(() => later.pings > 1);
    expect(later.events).toEqual([]);
    const next = await (await alice.stream(key, 'Two')).done();
    for (const feed of [late, later]) await feed.until(() => feed.last?.id === next.last.id);
    expect(later.frames).toBe(next.frames);
    late.close();
    later.close();
  });

  it('does so again where the earlier feed left before the end, and not after ten seconds', async () => {
    const key = newKey();
    const gate = hold();
    model.script(reply(['One', gate, ' two']));
    const turn = await alice.stream(key, 'One');
    const early = await alice.feed(key);
    await early.count(2);
    early.close();
    gate.release();
    await turn.done();
    const late = await alice.feed(key);
    await late.count(turn.events.length);
    expect(late.frames).toBe(turn.frames);
    late.close();
    const old = await alice.say(key, 'Old');
    await t.app
      .get(DataSource)
      .query(`UPDATE messages SET updated_at = updated_at - interval '11 s' WHERE id = $1`, [old.message.id]);
    const quiet = await alice.feed(key);
    await quiet.until(() => quiet.pings > 1);
    expect(quiet.events).toEqual([]);
    quiet.close();
  });
});

/** Only a server can be shared; the embedded database is one process's own. */
const several = process.env.TEST_DATABASE_URL ? describe : undefined;

several?.('keys on two instances', () => {
  let database: TestDatabase;
  let apps: TestApp[];
  let here: ApiClient;
  let there: ApiClient;

  beforeAll(async () => {
    database = await createTestDatabase();
    const start = () =>
      createTestApp({ env: { ...model.env, SHUTDOWN_GRACE_S: '1', SSE_HEARTBEAT_MS: '100' }, database });
    apps = [await start(), await start()];
    [here, there] = apps.map(({ url }) => ApiClient.of(url, 'alice'));
  });
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await database.close();
  });

  it('a feed on one waits for the turn on the other', async () => {
    const feed = await there.feed('elsewhere');
    await feed.until(() => feed.pings > 1);
    const turn = await (await here.stream('elsewhere', 'One')).done();
    await feed.count(turn.events.length);
    expect(feed.frames).toBe(turn.frames);
    feed.close();
  });

  it('first turns on both make one conversation and one turn', async () => {
    const gate = hold();
    model.otherwise(reply(['One', gate]));
    const turns = Array.from({ length: 20 }, (_, n) =>
      (n % 2 ? here : there).post<Turn>('/chat/at-once', { content: `${n}` }),
    );
    await answered(turns, 19);
    gate.release();
    expect(await statusesOf(turns)).toEqual([200, ...Array<number>(19).fill(409)]);
    expect(await there.history('at-once')).toHaveLength(2);
  });

  it('a late feed elsewhere shows a reply that no feed has shown', async () => {
    const turn = await (await here.stream('late', 'One')).done();
    const feed = await there.feed('late');
    await feed.count(turn.events.length);
    expect(feed.frames).toBe(turn.frames);
    feed.close();
  });
});

/** Until so many of them have been: the others wait for what runs. */
async function answered(turns: Promise<unknown>[], count: number): Promise<void> {
  let done = 0;
  for (const turn of turns) void turn.then(() => (done += 1));
  await until(async () => done >= count);
}

async function statusesOf(turns: Promise<{ status: number }>[]): Promise<number[]> {
  return (await Promise.all(turns)).map(({ status }) => status).sort((a, b) => a - b);
}

/** A request whose address nobody tidies up, as `fetch` does. */
function asIs(method: string, path: string): Promise<{ status: number; body: Problem }> {
  return new Promise((resolve, reject) => {
    const headers = {
      'x-user-id': 'alice',
      ...(method === 'POST' && { 'content-type': 'application/json' }),
    };
    const request = httpRequest(t.url, { method, path: `/api/v1${path}`, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Problem }),
      );
    });
    request.on('error', reject);
    request.end(method === 'POST' ? JSON.stringify({ content: 'Hi' }) : undefined);
  });
}

/** Everything that has more than one row is removed piece by piece. */
async function inSlicesOfOne(work: () => Promise<void>): Promise<void> {
  const { rowsOfSlice } = STORAGE_BOUNDS as { rowsOfSlice: { limit: number } };
  const { limit } = rowsOfSlice;
  rowsOfSlice.limit = 1;
  try {
    await work();
  } finally {
    rowsOfSlice.limit = limit;
  }
}
