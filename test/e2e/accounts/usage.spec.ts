import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { REPLY_BOUNDS, STORAGE_BOUNDS } from '../../../src/config/bounds';
import { ApiClient } from '../../support/api-client';
import { createTestApp, type RunningApp, type TestApp } from '../../support/create-test-app';
import { failure, reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { useChatApp } from '../../support/use-chat-app';

interface Totals {
  replies: number;
  input_tokens: number;
  output_tokens: number;
  cost: number | null;
}
type Usage = {
  total: Totals;
  data: (Totals & { key: string | null })[];
  data_truncated?: true;
  from: string;
  to: string;
};

const shared = useChatApp();
const { model } = shared;
beforeAll(() => void model.otherwise(reply('A plain answer.')));

/** An application of its own: with bounds that others do not have, or with more rows than others should look through. */
async function withApp(env: NodeJS.ProcessEnv, work: (t: TestApp) => Promise<void>): Promise<void> {
  const t = await createTestApp({ env: { ...model.env, ...env } });
  try {
    await work(t);
  } finally {
    await t.close();
  }
}

async function usage(api: ApiClient, query = ''): Promise<Usage> {
  const answer = await api.get<Usage>(`/usage${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
}

/** By another way than the service itself: message by message. */
async function sumOfMessages(
  t: RunningApp,
  user: string,
): Promise<{ input: number; output: number; replies: number }> {
  const rows = await t.app
    .get(DataSource)
    .query<{ usage: { input_tokens: number; output_tokens: number } | null }[]>(
      `SELECT usage FROM messages WHERE user_id = $1 AND role = 'assistant'`,
      [user],
    );
  const used = rows.flatMap((row) => row.usage ?? []);
  const sum = (of: (each: (typeof used)[0]) => number) => used.reduce((total, each) => total + of(each), 0);
  return {
    input: sum((each) => each.input_tokens),
    output: sum((each) => each.output_tokens),
    replies: used.length,
  };
}

it('is exactly the sum of what the messages say, however replies end', async () => {
  const alice = shared.client('summed');
  const bob = shared.client('bob');
  await bob.say((await bob.conversation()).id, 'Not mine');
  const [first, second] = [await alice.conversation(), await alice.conversation()];
  for (let i = 0; i < 3; i += 1) await alice.say(first.id, `Hello ${i}`);
  await alice.say(second.id, 'Hello');
  const gate = hold();
  model.script(reply(['Some ', gate, 'more.']));
  const stream = await alice.stream(second.id, 'Stop me');
  await gate.reached;
  await stream.count(2);
  await alice.post(`/chat/${second.id}/stop`);
  gate.release();
  await stream.done();
  await alice.post(`/conversations/${first.id}/fork`);
  const { input, output, replies } = await sumOfMessages(shared, shared.user('summed'));
  const { total, data } = await usage(alice);
  expect(total).toMatchObject({ replies, input_tokens: input, output_tokens: output, cost: null });
  expect([replies, data.length]).toEqual([5, 1]);
  const by = async (group: string) => (await usage(alice, `?group_by=${group}`)).data;
  expect((await by('conversation')).map(({ key, replies: count }) => [key, count])).toEqual(
    [
      [first.id, 3],
      [second.id, 2],
    ].sort(([a], [b]) => String(a).localeCompare(String(b))),
  );
  expect((await by('model')).map(({ key }) => key)).toEqual(['test-model']);
  const before = await usage(alice);
  await alice.delete(`/conversations/${first.id}`);
  expect((await usage(alice)).total).toEqual(before.total);
  expect((await by('conversation')).map(({ key, replies: count }) => [key, count])).toEqual([
    [second.id, 2],
    [null, 3],
  ]);
});

it('is nothing for a reply of which the provider never said a word', async () => {
  const alice = shared.client('unheard');
  model.script(failure(401));
  const { id } = await alice.conversation();
  const failed = await alice.post<{ message_id: string }>(`/chat/${id}`, { content: 'Anybody there?' });
  expect(failed.status).toBe(502);
  const message = await alice.get<{ usage: unknown }>(`/messages/${failed.body.message_id}`);
  expect(message.body.usage).toBeNull();
  expect((await usage(alice)).total).toMatchObject({ input_tokens: 0, output_tokens: 0 });
});

it('is what was asked, for a reply that is stopped before its first word', async () => {
  const alice = shared.client('stopped');
  const gate = hold();
  model.script(reply([gate, 'Never said.']));
  const { id } = await alice.conversation();
  const stream = await alice.stream(id, 'A question of seven words or so.');
  await gate.reached;
  const stopped = await alice.post<{ usage: Totals & { estimated: boolean } }>(`/chat/${id}/stop`);
  gate.release();
  await stream.done();
  expect(stopped.body.usage).toMatchObject({ output_tokens: 0, estimated: true });
  expect(stopped.body.usage.input_tokens).toBeGreaterThan(5);
  expect((await usage(alice)).total.input_tokens).toBe(stopped.body.usage.input_tokens);
});

it('of a reply that goes on and is stopped counts what this call wrote', async () => {
  const alice = shared.client('continues');
  const words = (from: number, count: number) => Array.from({ length: count }, (_, n) => `word${from + n} `);
  model.script(reply(words(0, 40), { finish: 'length' }));
  const { id } = await alice.conversation();
  const { message } = await alice.say(id, 'Count');
  const gate = hold();
  model.script(reply([...words(40, 3), gate, 'Never said.']));
  const stream = await alice.open('POST', `/messages/${message.id}/continue`);
  await gate.reached;
  const stopped = await alice.post<{ usage: Totals }>(`/chat/${id}/stop`);
  gate.release();
  await stream.done();
  // The forty of before are input.
  expect(stopped.body.usage.output_tokens).toBeGreaterThan(2);
  expect(stopped.body.usage.output_tokens).toBeLessThan(30);
  expect(stopped.body.usage.input_tokens).toBeGreaterThan(80);
});

it('knows what it costs where prices are known', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'parley-models-')), 'models.yaml');
  writeFileSync(
    file,
    `providers: [{name: p, kind: openai, base_url: "${model.url}", api_key_env: TEST_KEY}]
models: [{id: priced, provider: p, price: {input: 2, output: 10}}, {id: free, provider: p}]`,
  );
  await withApp(
    {
      MODELS_FILE: file,
      TEST_KEY: 'x-key-of-tests',
      OPENAI_API_KEY: '',
      OPENAI_BASE_URL: '',
      OPENAI_MODEL: '',
    },
    async (t) => {
      const alice = ApiClient.of(t.url, 'alice');
      const { id } = await alice.conversation({ model: 'priced' });
      await alice.say(id, 'Hello');
      await alice.say(id, 'Hello', { model: 'free' });
      const { data } = await usage(alice, '?group_by=model');
      const [free, priced] = data;
      expect(free.cost).toBeNull();
      expect(priced.cost).toBeCloseTo((priced.input_tokens * 2 + priced.output_tokens * 10) / 1e6, 12);
      expect((await usage(alice)).total.cost).toBe(priced.cost);
    },
  );
});

it("has no price of the operator's for a model that a user has brought under the same id", async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'parley-models-')), 'models.yaml');
  writeFileSync(
    file,
    `providers: [{name: p, kind: openai, base_url: "${model.url}", api_key_env: TEST_KEY}]
models: [{id: p/m, name: m, provider: p, price: {input: 2, output: 10}}]`,
  );
  const env = {
    MODELS_FILE: file,
    TEST_KEY: 'x-key-of-tests',
    OPENAI_API_KEY: '',
    OPENAI_BASE_URL: '',
    OPENAI_MODEL: '',
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    PROVIDER_ALLOWED_HOSTS: '127.0.0.1',
  };
  await withApp(env, async (t) => {
    const alice = ApiClient.of(t.url, 'alice');
    const say = async () => {
      const { id } = await alice.conversation({ model: 'p/m' });
      const { message } = await alice.say(id, 'Hello');
      expect(Object.keys(message.usage ?? {}).sort()).toEqual(['estimated', 'input_tokens', 'output_tokens']);
      return id;
    };
    const provider = { name: 'p', base_url: model.url, api_key: 'sk-of-alice-4711', models: ['m'] };
    const { body } = await alice.post<{ id: string }>('/providers', provider);
    const own = await say();
    expect((await usage(alice)).total).toMatchObject({ replies: 1, cost: null });
    await alice.delete(`/providers/${body.id}`);
    await say();
    const { total } = await usage(alice);
    expect(total.replies).toBe(2);
    const cost = ((total.input_tokens / 2) * 2 + (total.output_tokens / 2) * 10) / 1e6;
    expect(total.cost).toBeCloseTo(cost, 12);
    await alice.delete(`/conversations/${own}`);
    expect((await usage(alice)).total).toEqual(total);
    // What is kept says whose model it was, in the export as well.
    const line = (await alice.get('/users/alice/export')).text
      .split('\n')
      .find((each) => each.includes('past_usage'));
    const past = JSON.parse(line ?? '') as { data: Record<string, unknown> };
    expect(past.data).toMatchObject({
      input_tokens: total.input_tokens / 2,
      own_input_tokens: total.input_tokens / 2,
      own_output_tokens: total.output_tokens / 2,
    });
  });
});

it('is asked for by days', async () => {
  const alice = shared.client('dated');
  await alice.say((await alice.conversation()).id, 'Hello');
  await shared.app
    .get(DataSource)
    .query(`UPDATE messages SET created_at = '2026-03-01T23:59:59.999Z' WHERE user_id = $1`, [
      shared.user('dated'),
    ]);
  expect((await usage(alice, '?from=2026-03-01&to=2026-03-01')).data.map(({ key }) => key)).toEqual([
    '2026-03-01',
  ]);
  expect((await usage(alice, '?from=2026-03-02&to=2026-03-02')).total.replies).toBe(0);
  for (const query of [
    'from=2026-13-01',
    'from=2026-02-30',
    'to=0000-00-00',
    'to=infinity',
    'from=2026-03-02&to=2026-03-01',
    'from=2020-01-01&to=2026-01-01',
    'group_by=user',
    'user_id=bob',
    "from='",
  ])
    expect([query, (await alice.get(`/usage?${query}`)).status]).toEqual([query, 400]);
});

describe('quotas', () => {
  it('are not overspent by asking at once, and the model is not called', () =>
    withApp({ QUOTA_TOKENS_PER_DAY: '13000' }, async (t) => {
      const alice = ApiClient.of(t.url, 'alice');
      const calls = model.requests.length;
      const gate = hold();
      for (let i = 0; i < 50; i += 1) model.script(reply([gate, 'x']));
      const conversations = await Promise.all(Array.from({ length: 50 }, () => alice.conversation()));
      const streams = conversations.map(({ id }) => alice.stream(id, 'Hello'));
      const opened = await Promise.all(streams);
      // Each sets aside the 4096 tokens that the model may answer with, and its prompt.
      const refused = opened.filter(({ status }) => status === 429);
      expect(opened.length - refused.length).toBe(3);
      expect(await refused[0].problem()).toMatchObject({ code: 'quota_exceeded' });
      expect(Number(refused[0].headers['retry-after'])).toBeGreaterThan(0);
      gate.release();
      await Promise.all(opened.filter(({ status }) => status === 200).map((stream) => stream.done()));
      expect(model.requests.length - calls).toBe(3);
      model.reset();
      model.otherwise(reply('A plain answer.'));
      // What was not used is there again.
      await alice.say(conversations[0].id, 'Hello');
      const { total } = await usage(alice);
      expect(total.input_tokens + total.output_tokens).toBeLessThan(1000);
      await ApiClient.of(t.url, 'bob').say((await ApiClient.of(t.url, 'bob').conversation()).id, 'Hello');
    }));

  it('are not won back by deleting', () =>
    withApp({ QUOTA_TOKENS_PER_DAY: '4150' }, async (t) => {
      const alice = ApiClient.of(t.url, 'alice');
      for (let i = 0; i < 10; i += 1) {
        const { id } = await alice.conversation();
        const answer = await alice.post(`/chat/${id}`, { content: 'word '.repeat(30) });
        await alice.delete(`/conversations/${id}`);
        if (answer.status === 429) return expect(i).toBeGreaterThan(0);
      }
      throw new Error('It was never used up');
    }));

  it('bound how many replies run', () =>
    withApp({ QUOTA_RUNNING_REPLIES: '2' }, async (t) => {
      const alice = ApiClient.of(t.url, 'alice');
      const gate = hold();
      for (let i = 0; i < 2; i += 1) model.script(reply([gate, 'x']));
      const conversations = await Promise.all(Array.from({ length: 10 }, () => alice.conversation()));
      const opened = await Promise.all(conversations.map(({ id }) => alice.stream(id, 'Hello')));
      expect(opened.filter(({ status }) => status === 200)).toHaveLength(2);
      gate.release();
      await Promise.all(opened.filter(({ status }) => status === 200).map((stream) => stream.done()));
      await alice.say(conversations[0].id, 'Hello');
    }));

  it('bound how many replies run also where the operator has set nothing, but not with RATE_LIMITS=off', async () => {
    vi.spyOn<{ limit: number }, 'limit'>(REPLY_BOUNDS.runningReplies, 'limit', 'get').mockReturnValue(3);
    const statuses = (RATE_LIMITS: string) => {
      let found: number[] = [];
      return withApp({ RATE_LIMITS }, async (t) => {
        const alice = ApiClient.of(t.url, 'alice');
        const gate = hold();
        for (let i = 0; i < 5; i += 1) model.script(reply([gate, 'x']));
        const { id } = await alice.conversation();
        const opened = [await alice.stream(id, 'Hello')];
        for (let i = 0; i < 2; i += 1) opened.push(await alice.open('POST', '/chat', { content: 'Hello' }));
        const { id: other } = await alice.conversation();
        opened.push(
          await alice.stream(other, 'Hello'),
          await alice.open('POST', '/chat', { content: 'Hello' }),
        );
        for (const refused of opened.filter(({ status }) => status !== 200))
          expect(await refused.problem()).toMatchObject({ code: 'quota_exceeded' });
        gate.release();
        await Promise.all(opened.filter(({ status }) => status === 200).map((stream) => stream.done()));
        found = opened.map(({ status }) => status);
        await alice.say(id, 'Hello');
      }).then(() => found);
    };
    expect(await statuses('on')).toEqual([200, 200, 200, 429, 429]);
    expect(await statuses('off')).toEqual([200, 200, 200, 200, 200]);
    vi.restoreAllMocks();
  });

  it('are set aside for what waits, and free again once it is taken back', () =>
    withApp({ QUOTA_TOKENS_PER_DAY: '13000' }, async (t) => {
      const alice = ApiClient.of(t.url, 'alice');
      const { id } = await alice.conversation();
      const gate = hold();
      model.script(reply(['One', gate, ' two']));
      const running = await (await alice.stream(id, 'Hello')).count(2);
      const post = () => alice.open('POST', `/chat/${id}/stream`, { content: 'Hello', on_busy: 'queue' });
      // Each may be shown what those before it may say: 4,1…, 8,2….
      const second = await post();
      expect(second.status).toBe(200);
      const third = await post();
      expect([third.status, await third.problem()]).toMatchObject([429, { code: 'quota_exceeded' }]);
      const waiting = (await alice.history(id)).at(-1);
      await alice.post(`/messages/${waiting?.id}/stop`);
      await second.done();
      model.script(reply('Three.'));
      const fourth = await post();
      expect(fourth.status).toBe(200);
      gate.release();
      await Promise.all([running.done(), fourth.done()]);
      expect(fourth.end.full_text).toBe('Three.');
      const { input, output, replies } = await sumOfMessages(t, 'alice');
      expect((await usage(alice)).total).toMatchObject({
        replies,
        input_tokens: input,
        output_tokens: output,
      });
      expect(replies).toBe(2);
    }));

  it('bound how many replies run, those that wait for another to end not counted', () =>
    withApp({ QUOTA_RUNNING_REPLIES: '1' }, async (t) => {
      const alice = ApiClient.of(t.url, 'alice');
      const [first, second] = [await alice.conversation(), await alice.conversation()];
      const gate = hold();
      model.script(reply(['One', gate, ' two']));
      const running = await (await alice.stream(first.id, 'Hello')).count(2);
      const busy = await alice.post(`/chat/${first.id}`, { content: 'Hello' });
      expect([busy.status, busy.body.code]).toEqual([409, 'reply_in_progress']);
      const waiting = await alice.open('POST', `/chat/${first.id}/stream`, {
        content: 'Hello',
        on_busy: 'queue',
      });
      expect(waiting.status).toBe(200);
      const elsewhere = await alice.post(`/chat/${second.id}`, { content: 'Hello' });
      expect([elsewhere.status, elsewhere.body.code]).toEqual([429, 'quota_exceeded']);
      const interrupting = await alice.open('POST', `/chat/${first.id}/stream`, {
        content: 'Hello',
        on_busy: 'interrupt',
      });
      expect(interrupting.status).toBe(200);
      await Promise.all([running, waiting, interrupting].map((reader) => reader.done()));
      gate.release();
      await alice.say(second.id, 'Hello');
    }));
});

it('a report of very many conversations has the newest, and the total is of all', async () => {
  await withApp({}, async (t) => {
    const many = ApiClient.of(t.url, 'many');
    const { id } = await many.conversation();
    await many.say(id, 'Hi');
    const { limit } = STORAGE_BOUNDS.usageGroups;
    const copied = await t.app.get(DataSource).query<{ id: string }[]>(
      `WITH made AS (
         INSERT INTO conversations SELECT (jsonb_populate_record(c, jsonb_build_object(
           'id', '01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'), 'active_leaf_id', NULL))).*
         FROM conversations c, generate_series(1, $2::int) n WHERE c.id = $1 RETURNING id
       ), said AS (
         INSERT INTO messages SELECT (jsonb_populate_record(m, jsonb_build_object(
           'id', made.id, 'conversation_id', made.id, 'parent_id', NULL, 'branch_id', made.id, 'depth', 1))).*
         FROM messages m, made WHERE m.conversation_id = $1 AND m.role = 'assistant' RETURNING id
       ) SELECT id FROM said`,
      [id, limit + 10],
    );
    expect(copied).toHaveLength(limit + 10);
    const { total, data, data_truncated } = await usage(many, '?group_by=conversation');
    expect([total.replies, data.length, data_truncated]).toEqual([limit + 11, limit, true]);
    expect(data.map(({ key }) => key)).toEqual(
      [
        ...copied
          .map((row) => row.id)
          .sort()
          .slice(11),
        id,
      ].sort(),
    );
    const byDay = await usage(many, '?group_by=day');
    expect([byDay.total, byDay.data.length, byDay.data_truncated]).toEqual([total, 1, undefined]);
  });
});
