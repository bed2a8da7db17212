import { DataSource } from 'typeorm';
import { ApiClient } from '../../support/api-client';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { useModelServer } from '../../support/use-model-server';

const KB = 1024;
/** Does not get smaller by compression. */
const words = (bytes: number) =>
  Array.from({ length: bytes }, () => String.fromCharCode(97 + Math.floor(Math.random() * 26))).join('');

const model = useModelServer();
beforeAll(() => void model.otherwise(reply('A plain answer.')));

async function withQuota(bytes: string, work: (t: TestApp, alice: ApiClient) => Promise<void>) {
  const t = await createTestApp({ env: { ...model.env, QUOTA_STORED_BYTES: bytes } });
  try {
    await work(t, ApiClient.of(t.url, 'alice'));
  } finally {
    await t.close();
  }
}

async function messagesOf(t: TestApp, user: string): Promise<number> {
  const rows: { count: number }[] = await t.app
    .get(DataSource)
    .query(`SELECT count(*)::int AS count FROM messages WHERE user_id = $1`, [user]);
  return rows[0].count;
}

const REFUSED = { status: 429, code: 'quota_exceeded' };

it('is not overstepped by asking at once, and the model is not called', () =>
  withQuota('10kb', async (t, alice) => {
    const conversations = await Promise.all(Array.from({ length: 50 }, () => alice.conversation()));
    const gate = hold();
    for (let i = 0; i < 50; i += 1) model.script(reply([gate, 'x']));
    const calls = model.requests.length;
    const opened = await Promise.all(conversations.map(({ id }) => alice.stream(id, words(KB))));
    const refused = opened.filter(({ status }) => status === 429);
    gate.release();
    // Each is a kilobyte, its title and what is written around it; the conversations themselves are small.
    expect(opened.length - refused.length).toBe(8);
    expect(await refused[0].problem()).toMatchObject({ ...REFUSED, title: 'Too Many Requests' });
    expect(Number(refused[0].headers['retry-after'])).toBeGreaterThan(0);
    expect(await messagesOf(t, 'alice')).toBe(16);
    await Promise.all(opened.filter(({ status }) => status === 200).map((stream) => stream.done()));
    expect(model.requests.length - calls).toBe(8);
    model.reset();
    model.otherwise(reply('A plain answer.'));
    await ApiClient.of(t.url, 'bob').say((await ApiClient.of(t.url, 'bob').conversation()).id, words(KB));
  }));

it('holds for everything that takes text, and is not in the way of what does not', () =>
  withQuota('4kb', async (_t, alice) => {
    const { id } = await alice.conversation({ system_prompt: words(3 * KB) });
    const { message } = await alice.say(id, 'Hello');
    const given = await alice.post<{ id: string }>('/feedback', { message_id: message.id, rating: 5 });
    expect(given.status).toBe(201);
    const attempts = [
      alice.post('/conversations', { system_prompt: words(KB) }),
      alice.post('/conversations', { metadata: { a: words(500), b: words(500) } }),
      alice.patch(`/conversations/${id}`, { metadata: { a: words(500), b: words(500) } }),
      alice.put(`/conversations/${id}`, { system_prompt: words(5 * KB) }),
      alice.post(`/conversations/${id}/fork`),
      alice.post('/feedback', { message_id: message.id, rating: 1, comment: words(KB) }),
      alice.patch(`/feedback/${given.body.id}`, { comment: words(KB) }),
      alice.patch(`/feedback/${given.body.id}`, {
        tags: Array.from({ length: 10 }, (_, i) => `${i}`.padEnd(64, 'x')),
        comment: words(KB / 2),
      }),
      alice.post('/chat', { content: words(KB) }),
      alice.post(`/chat/${id}`, { content: words(KB) }),
      alice.post(`/messages/${message.parent_id}/edit`, { content: words(KB) }),
    ];
    for (const attempt of attempts) expect((await attempt).body).toMatchObject(REFUSED);
    const before = await alice.get(`/conversations/${id}`);
    expect((await alice.patch(`/conversations/${id}`, { archived: true })).status).toBe(200);
    expect(before.body).toMatchObject({ metadata: {}, archived: false });
    expect((await alice.patch(`/feedback/${given.body.id}`, { rating: 1 })).status).toBe(200);
    expect((await alice.patch(`/conversations/${id}`, { system_prompt: 'Short.' })).status).toBe(200);
    await alice.say(id, words(KB));
  }));

it('is free again once something is deleted', () =>
  withQuota('3kb', async (_t, alice) => {
    const { id } = await alice.conversation();
    await alice.say(id, words(2 * KB));
    const other = await alice.conversation();
    const refused = await alice.post(`/chat/${other.id}`, { content: words(2 * KB) });
    expect(refused.body).toMatchObject(REFUSED);
    await alice.delete(`/conversations/${id}`);
    await alice.say(other.id, words(2 * KB));
  }));

it('counts what replies took once they have ended', () =>
  withQuota('3kb', async (_t, alice) => {
    const { id } = await alice.conversation();
    model.script(reply(words(4 * KB)));
    await alice.say(id, 'Hello');
    expect((await alice.post(`/chat/${id}`, { content: 'Hello' })).body).toMatchObject(REFUSED);
  }));

it('answers a repeated request as the first one', () =>
  withQuota('3kb', async (_t, alice) => {
    const once = { 'Idempotency-Key': 'the-same' };
    const body = { system_prompt: words(2 * KB) };
    const ids = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const answer = await alice.post<{ id: string }>('/conversations', body, once);
        return [answer.status, answer.body.id];
      }),
    );
    expect(new Set(ids.map(String)).size).toBe(1);
    expect(ids[0][0]).toBe(201);
  }));
