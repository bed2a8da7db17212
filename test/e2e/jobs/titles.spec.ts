import { DataSource } from 'typeorm';
import { ApiClient, type Page, type Turn } from '../../support/api-client';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { startModelServer, type ModelServer } from '../../support/model-server';
import { failure, reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import type { Behaviour } from '../../support/model-server/exchange';
import { modelsEnv } from '../../support/models-file';
import { createTestDatabase } from '../../support/test-database';
import { until } from '../../support/until';
import { UserFeedClient } from '../../support/user-feed-client';

interface Conversation {
  id: string;
  title: string | null;
  title_source: string;
}

interface Usage {
  total: { replies: number; input_tokens: number };
  data: {
    key: string | null;
    kind: string | null;
    replies: number;
    input_tokens: number;
    output_tokens: number;
  }[];
}

const MODELS = [
  '{id: large, price: {input: 10, output: 30}}',
  '{id: small, price: {input: 0.1, output: 0.4}}',
  '{id: unpriced}',
];

let model: ModelServer;
let t: TestApp;
let alice: ApiClient;
/** What the model says for a title. */
let title: Behaviour;

beforeAll(async () => {
  model = await startModelServer();
  t = await createTestApp({ env: { ...modelsEnv(model, ...MODELS), TITLE_MODEL: '' } });
});
let people = 0;
beforeEach(() => {
  model.reset();
  title = reply('"Two weeks in Norway."', { usage: { input: 50, output: 6 } });
  model.otherwise(replying);
  alice = ApiClient.of(t.url, `alice-${(people += 1)}`);
});
afterAll(async () => {
  await t.close();
  await model.close();
});

const isForTitle = (text: string | undefined) => text?.startsWith('You name conversations') === true;

const replying: Behaviour = (exchange) => {
  const [first] = exchange.request.body.messages ?? [];
  return isForTitle(first?.content) ? title(exchange) : reply('Go to Bergen.')(exchange);
};

const titleRequests = () => model.requests.filter(({ body }) => isForTitle(body.messages?.[0]?.content));
const read = async (id: string) => (await alice.get<Conversation>(`/conversations/${id}`)).body;
const titled = (id: string, source = 'model') =>
  until(async () => {
    const conversation = await read(id);
    return conversation.title_source === source ? conversation : undefined;
  }, 60_000);
async function say(
  content = 'Where should I go in Norway?',
  id?: string,
  who = alice,
  modelId?: string,
): Promise<Turn> {
  const to = id ?? (await who.post<Conversation>('/conversations', {})).body.id;
  return (await who.post<Turn>(`/chat/${to}`, { content, ...(modelId && { model: modelId }) })).body;
}
const jobsDone = (count: number) =>
  until(async () => {
    const { body } = await alice.get<Page<{ state: string; error: unknown }>>('/jobs?type=title');
    const over = body.data.filter(({ state }) => state !== 'queued' && state !== 'running');
    return over.length === count ? over : undefined;
  }, 120_000);

describe('a conversation that nobody named', () => {
  it('has its first words for a title until the cheapest model has named it', async () => {
    const gate = hold();
    title = reply([gate, '"Two weeks in Norway."']);
    const { conversation_id: id } = await say();
    expect(await read(id)).toMatchObject({ title: 'Where should I go in Norway?', title_source: 'auto' });
    gate.release();
    expect(await titled(id)).toMatchObject({ title: 'Two weeks in Norway' });
    expect(titleRequests()).toHaveLength(1);
    const [{ body }] = titleRequests();
    expect(body.model).toBe('small');
    expect(body.messages?.at(-1)?.content).toContain('Go to Bergen.');
    const { body: jobs } = await alice.get<Page<object>>('/jobs');
    expect(jobs.data).toMatchObject([{ type: 'title', input: { conversation_id: id } }]);
  });

  it('is named once, whatever follows', async () => {
    const { conversation_id: id } = await say();
    await titled(id);
    await say('And then?', id);
    await say('And then?', id);
    expect((await alice.get<Page<object>>('/jobs')).body.data).toHaveLength(1);
    expect(titleRequests()).toHaveLength(1);
  });

  it('is named after the first turn that is complete', async () => {
    model.script(failure(400));
    const { body } = await alice.post<{ id: string }>('/conversations', {});
    await alice.post(`/chat/${body.id}`, { content: 'Hello?' });
    expect((await alice.get<Page<object>>('/jobs')).body.data).toEqual([]);
    await say('Where should I go?', body.id);
    await titled(body.id);
  });

  it('keeps its first words where the model fails, or says nothing that is a title', async () => {
    title = failure(400);
    const { conversation_id: id } = await say();
    expect(await jobsDone(1)).toMatchObject([{ state: 'failed', error: { code: 'provider_bad_request' } }]);
    expect(await read(id)).toMatchObject({ title: 'Where should I go in Norway?', title_source: 'auto' });
    const { status, body } = await alice.post(`/conversations/${id}/title`);
    expect([status, body.code]).toEqual([502, 'provider_bad_request']);
    title = reply('"""');
    expect((await alice.post(`/conversations/${id}/title`)).body.code).toBe('title_failed');
    expect(await read(id)).toMatchObject({ title_source: 'auto' });
  }, 180_000);

  it('is told of its name on its feeds, once, and not those that are opened later', async () => {
    const { body } = await alice.post<{ id: string }>('/conversations', {});
    const feeds = [await alice.feed(body.id), await alice.feed(body.id)];
    await say('Where?', body.id);
    await until(async () => feeds.every(({ titles }) => titles.length > 0));
    const event = { type: 'title', data: { conversation_id: body.id, title: 'Two weeks in Norway' } };
    expect(feeds.map(({ titles }) => titles)).toEqual([[event], [event]]);
    const later = await alice.feed(body.id);
    await say('And then?', body.id);
    await until(async () => later.events.at(-1)?.type === 'end');
    expect([later.titles, feeds[0].titles]).toEqual([[], [event]]);
    [...feeds, later].forEach((feed) => feed.close());
  });
});

it('a feed that waited for its conversation is told of its title as well', async () => {
  const key = `key-${people}`;
  const feed = await alice.feed(key);
  await say('Where?', key);
  await until(async () => feed.titles.length > 0);
  const { id } = await read(key);
  expect(feed.titles).toEqual([
    { type: 'title', data: { conversation_id: id, title: 'Two weeks in Norway' } },
  ]);
  feed.close();
});

describe('a title that a person has set', () => {
  it('is never replaced, whenever it comes', async () => {
    const gate = hold();
    title = reply([gate, 'Made by a model']);
    const { body } = await alice.post<Conversation>('/conversations', { title: 'Mine' });
    expect(body.title_source).toBe('user');
    await say('Hi', body.id);
    const { conversation_id: id } = await say();
    await until(async () => titleRequests().length === 1);
    await alice.call('PATCH', `/conversations/${id}`, { title: 'Mine as well' });
    gate.release();
    await jobsDone(1);
    expect(await read(id)).toMatchObject({ title: 'Mine as well', title_source: 'user' });
    expect(await read(body.id)).toMatchObject({ title: 'Mine', title_source: 'user' });
  });

  it('is not replaced where it is the first words, which a person has kept', async () => {
    const gate = hold();
    title = reply([gate, 'Made by a model']);
    const { conversation_id: id } = await say();
    await until(async () => titleRequests().length === 1);
    const { title: words } = await read(id);
    await alice.call('PATCH', `/conversations/${id}`, { title: words });
    gate.release();
    await jobsDone(1);
    expect(await read(id)).toMatchObject({ title: words, title_source: 'user' });
  });

  it('makes a new one that is asked for and comes later a conflict', async () => {
    const { conversation_id: id } = await say();
    await titled(id);
    const gate = hold();
    title = reply([gate, 'Made later']);
    const asked = alice.post<Conversation>(`/conversations/${id}/title`);
    await gate.reached;
    await alice.call('PATCH', `/conversations/${id}`, { title: 'Mine' });
    gate.release();
    const { status, body } = await asked;
    expect([status, body]).toMatchObject([412, { code: 'conversation_changed' }]);
    expect(await read(id)).toMatchObject({ title: 'Mine', title_source: 'user' });
  });

  it('gives way to a new one that is asked for', async () => {
    const { body } = await alice.post<Conversation>('/conversations', { title: 'Mine' });
    const empty = await alice.post(`/conversations/${body.id}/title`);
    expect([empty.status, empty.body.code]).toEqual([409, 'conversation_empty']);
    await say('Where?', body.id);
    const made = await alice.post<Conversation>(`/conversations/${body.id}/title`);
    expect(made.body).toMatchObject({ title: 'Two weeks in Norway', title_source: 'model' });
    expect(made.headers.get('etag')).toMatch(/^"\d+"$/);
    const bob = ApiClient.of(t.url, 'bob');
    expect((await bob.post(`/conversations/${body.id}/title`)).status).toBe(404);
  });

  it('gives way to several that are asked for at once, and to one while the first is made', async () => {
    const gate = hold();
    title = reply([gate, 'Made by a model']);
    const { conversation_id: id } = await say();
    await until(async () => titleRequests().length === 1);
    const asked = [1, 2, 3].map(() => alice.post<Conversation>(`/conversations/${id}/title`));
    await until(async () => titleRequests().length === 4);
    gate.release();
    for (const { status, body } of await Promise.all(asked))
      expect([status, body.title, body.title_source]).toEqual([200, 'Made by a model', 'model']);
    await jobsDone(1);
  });

  it('that is cleared lets a model name it anew', async () => {
    const { conversation_id: id } = await say();
    await titled(id);
    await alice.call('PATCH', `/conversations/${id}`, { title: null });
    expect(await read(id)).toMatchObject({ title: null, title_source: 'auto' });
    await say('Something else', id);
    await titled(id);
    expect(titleRequests()).toHaveLength(2);
  });
});

describe('a title', () => {
  it('goes with the first message that it may be about, on both feeds, and is made anew', async () => {
    const { conversation_id: id, user_message } = await say();
    await titled(id);
    const other = await (
      await alice.open('POST', `/messages/${user_message.id}/edit`, { content: 'What about Sweden?' })
    ).done();
    const feed = await alice.feed(id);
    const all = await UserFeedClient.open(t.url, { user: `alice-${people}` });
    title = reply('Sweden in summer');
    expect((await alice.delete(`/messages/${user_message.id}`)).status).toBe(204);
    expect(await read(id)).toMatchObject({ title: 'What about Sweden?', title_source: 'auto' });
    await feed.until(() => feed.frames.includes('"title":"What about Sweden?"'));
    await all.count('title', 1);
    expect(other.last?.type).toBe('end');
    await say('Go on', id);
    expect(await titled(id)).toMatchObject({ title: 'Sweden in summer' });
    feed.close();
    all.close();
  });

  it('counts as usage of its own kind', async () => {
    const { conversation_id: id } = await say();
    await titled(id);
    const usage = async (query: string) => (await alice.get<Usage>(`/usage?${query}`)).body;
    expect((await usage('group_by=kind')).data).toMatchObject([
      { key: 'reply', kind: 'reply', replies: 1 },
      { key: 'title', kind: 'title', replies: 0, input_tokens: 50, output_tokens: 6 },
    ]);
    expect((await usage('kind=title')).total).toMatchObject({ replies: 0, input_tokens: 50 });
    expect((await usage('kind=reply')).total).toMatchObject({ replies: 1, input_tokens: 9 });
    expect((await usage('')).total).toMatchObject({ replies: 1, input_tokens: 59 });
    expect((await usage('group_by=model')).data).toMatchObject([
      { kind: 'reply' },
      { key: 'small', kind: 'title' },
    ]);
    expect((await alice.get('/usage?kind=other')).status).toBe(400);
  });

  it('of a model that hangs keeps no other waiting', async () => {
    const gate = hold();
    title = reply([gate, 'Late']);
    const hanging = await Promise.all(Array.from({ length: 12 }, () => say()));
    await until(async () => titleRequests().length === 12);
    title = reply('In time');
    const { conversation_id: id } = await say();
    expect(await titled(id)).toMatchObject({ title: 'In time' });
    expect(await read(hanging[0].conversation_id)).toMatchObject({ title_source: 'auto' });
    gate.release();
    for (const { conversation_id } of hanging) await titled(conversation_id);
  });
});

it('nobody is asked where the quota is used up', async () => {
  const own = await createTestApp({
    env: { ...modelsEnv(model, ...MODELS), TITLE_MODEL: 'large', QUOTA_TOKENS_PER_DAY: '140000' },
  });
  try {
    const carol = ApiClient.of(own.url, 'carol');
    await carol.get('/conversations');
    await own.app.get(DataSource).query(
      `INSERT INTO past_usage (user_id, day, model, replies, input_tokens, output_tokens, reasoning_tokens, cached_input_tokens)
       VALUES ('carol', (now() AT TIME ZONE 'UTC')::date, 'large', 1, 0, 0, 0, 0)`,
    );
    const { conversation_id: id } = await say('Where?', undefined, carol);
    await until(
      async () => (await carol.get<Conversation>(`/conversations/${id}`)).body.title_source === 'model',
    );
    expect(titleRequests()[0].body.model).toBe('large');
    await own.app
      .get(DataSource)
      .query(`UPDATE past_usage SET input_tokens = 140000 WHERE user_id = 'carol'`);
    const refused = await carol.post(`/conversations/${id}/title`);
    expect([refused.status, refused.body.code]).toEqual([429, 'quota_exceeded']);
    expect(titleRequests()).toHaveLength(1);
  } finally {
    await own.close();
  }
});

it('the first words stay with TITLE_MODEL=off, and with the demo model', async () => {
  for (const env of [{ ...modelsEnv(model, ...MODELS), TITLE_MODEL: 'off' }, { TITLE_MODEL: '' }]) {
    const own = await createTestApp({ env });
    const carol = ApiClient.of(own.url, 'carol');
    const { conversation_id: id } = await say('Where should I go?', undefined, carol);
    await carol.call('PATCH', `/conversations/${id}`, { title: 'Mine' });
    expect((await carol.get<Page<object>>('/jobs')).body.data).toEqual([]);
    expect((await carol.post<Conversation>(`/conversations/${id}/title`)).body).toMatchObject({
      title: 'Where should I go?',
      title_source: 'auto',
    });
    await own.close();
  }
  expect(titleRequests()).toEqual([]);
});

it("what a user's own model has replied is titled by that one alone", async () => {
  const own = await startModelServer();
  own.otherwise(replying);
  const database = await createTestDatabase();
  const app = await createTestApp({
    database,
    env: { ...modelsEnv(model, ...MODELS), TITLE_MODEL: '', PROVIDER_ALLOWED_HOSTS: `127.0.0.1:${own.port}` },
  });
  try {
    const carol = ApiClient.of(app.url, 'carol');
    await carol.post('/providers', {
      name: 'mine',
      base_url: own.url,
      api_key: 'key-of-carol',
      models: ['m'],
    });
    const { conversation_id: id } = await say('Where?', undefined, carol, 'mine/m');
    await until(
      async () => (await carol.get<Conversation>(`/conversations/${id}`)).body.title_source === 'model',
    );
    expect(own.requests).toHaveLength(2);
    expect(model.requests).toEqual([]);
    const usage = (await carol.get<Usage & { total: { cost: number | null } }>('/usage?kind=title')).body;
    expect(usage.total.cost).toBeNull();
  } finally {
    await app.close();
    await database.close();
    await own.close();
  }
});

/** Only a server can be shared; the embedded database is one process's own. */
const several = process.env.TEST_DATABASE_URL ? it : undefined;

several?.('feeds of other processes are told of a title as well', async () => {
  const database = await createTestDatabase();
  const start = () => createTestApp({ database, env: { ...modelsEnv(model, ...MODELS), TITLE_MODEL: '' } });
  const apps = [await start(), await start()];
  try {
    const [here, there] = apps.map(({ url }) => ApiClient.of(url, 'carol'));
    const { id } = (await here.post<Conversation>('/conversations', {})).body;
    const feed = await there.feed(id);
    await say('Where?', id, here);
    await until(async () => feed.titles.length > 0);
    expect(feed.titles[0].data).toEqual({ conversation_id: id, title: 'Two weeks in Norway' });
    feed.close();
  } finally {
    await Promise.all(apps.map((app) => app.close()));
    await database.close();
  }
});
