import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { STORAGE_BOUNDS } from '../../../src/config/bounds';
import { UsersService } from '../../../src/users/users.service';
import { signUp } from '../../support/accounts';
import { ApiClient } from '../../support/api-client';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { rowsOf } from '../../support/database-fingerprint';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { createTestDatabase } from '../../support/test-database';
import { seedConversation } from '../../support/seed-conversation';
import { TokenIssuer } from '../../support/token-issuer';
import { useModelServer } from '../../support/use-model-server';

/** The size at which one statement for all of it was never done. */
const MESSAGES = Number(process.env.ERASURE_MESSAGES ?? 6_000);
const PATIENCE_MS = 60_000 + MESSAGES;
const { limit: SLICE } = STORAGE_BOUNDS.rowsOfSlice;

const model = useModelServer();
beforeAll(() => void model.otherwise(reply('Yes.')));

interface Answer {
  rows: { count: number }[];
}

/** How many messages each removal has taken, and how long the longest transaction took. */
class Removals {
  readonly sizes: number[] = [];
  longestMs = 0;
  // eslint-disable-next-line typescript/unbound-method
  private readonly query = Client.prototype.query;

  constructor() {
    const { sizes, query } = this;
    const began = new WeakMap<Client, number>();
    const note = async (client: Client, text: string, result: Promise<Answer>) => {
      const answer = await result.catch(() => undefined);
      if (answer && text.includes('DELETE FROM messages')) sizes.push(answer.rows[0].count);
      if (text === 'COMMIT')
        this.longestMs = Math.max(this.longestMs, performance.now() - (began.get(client) ?? Infinity));
    };
    Client.prototype.query = function (this: Client, ...args: unknown[]) {
      const [config] = args as [string | { text?: string }];
      const text = typeof config === 'string' ? config : (config.text ?? '');
      if (text.startsWith('START TRANSACTION')) began.set(this, performance.now());
      const result = (query as (...all: unknown[]) => unknown).apply(this, args);
      if (result instanceof Promise) void note(this, text, result as Promise<Answer>);
      return result;
    } as typeof Client.prototype.query;
  }

  restore(): void {
    Client.prototype.query = this.query;
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await holds()); await sleep(100))
    if (Date.now() > end) throw new Error('It took too long');
}

const total = async (t: TestApp, userId: string) =>
  Object.values(await rowsOf(t, userId)).reduce((sum, count) => sum + count, 0);

const REFUSED = { status: 409, code: 'erasure_in_progress' };

describe('somebody with very many messages', () => {
  it(
    'is erased in slices, while others are served',
    async () => {
      const removals = new Removals();
      const t = await createTestApp({ env: model.env });
      try {
        const [alice, bob] = [ApiClient.of(t.url, 'alice'), ApiClient.of(t.url, 'bob')];
        const { id } = await alice.conversation({ title: 'Long' });
        const turn = await alice.say(id, 'Hello');
        await alice.post('/feedback', { message_id: turn.message.id, rating: 5, comment: 'Good' });
        await seedConversation(t, { userId: 'alice', messages: MESSAGES });
        const { id: other } = await bob.conversation();
        const began = performance.now();
        const erased = alice.delete('/users/alice');
        await bob.say(other, 'Still there?');
        const { status } = await erased;
        const answeredMs = performance.now() - began;
        expect([202, 204]).toContain(status);
        // The rest may be gone before the next request comes.
        const { body } = await alice.get<{ data?: object[] }>('/conversations');
        if (status === 202)
          expect(body.data ?? body).toEqual(body.data ? [] : expect.objectContaining(REFUSED));
        await until(async () => (await alice.get('/conversations')).status === 200);
        expect((await alice.get<{ data: object[] }>('/conversations')).body.data).toEqual([]);
        expect(await total(t, 'alice')).toBe(0);
        expect(Math.max(...removals.sizes)).toBeLessThanOrEqual(SLICE);
        expect(removals.sizes.reduce((sum, count) => sum + count, 0)).toBe(MESSAGES + 2);
        expect(await bob.history(other)).toHaveLength(2);
        if (process.env.ERASURE_MESSAGES)
          console.log({ MESSAGES, status, answeredMs, goneMs: performance.now() - began, ...removals });
      } finally {
        await t.close();
        removals.restore();
      }
    },
    120_000 + 2 * MESSAGES,
  );

  it(
    'loses a conversation in slices: at once for everybody, and its usage stays',
    async () => {
      const removals = new Removals();
      const t = await createTestApp({ env: model.env });
      try {
        const alice = ApiClient.of(t.url, 'alice');
        await alice.conversation();
        const id = await seedConversation(t, { userId: 'alice', messages: MESSAGES });
        const used = () => alice.get('/usage').then(({ text }) => text);
        const before = await used();
        expect(before).toContain(`"replies":${MESSAGES / 2}`);
        expect((await alice.delete(`/conversations/${id}`)).status).toBe(204);
        expect((await alice.get(`/conversations/${id}`)).status).toBe(404);
        const remaining = async () => (await rowsOf(t, 'alice')).messages;
        await until(async () => {
          expect(await used()).toBe(before);
          return (await remaining()) === 0;
        });
        await until(async () => (await rowsOf(t, 'alice')).conversations === 1);
        expect(Math.max(...removals.sizes)).toBeLessThanOrEqual(SLICE);
      } finally {
        await t.close();
        removals.restore();
      }
    },
    120_000 + 2 * MESSAGES,
  );

  it('cannot copy a path that one statement could not', async () => {
    const t = await createTestApp({ env: model.env });
    const alice = ApiClient.of(t.url, 'alice');
    await alice.conversation();
    const messages = STORAGE_BOUNDS.forkedPath.limit + 2;
    const id = await seedConversation(t, { userId: 'alice', messages });
    const refused = await alice.post(`/conversations/${id}/fork`);
    expect([refused.status, refused.body.code]).toEqual([409, 'path_too_long']);
    await t.close();
  }, 120_000);
});

describe('a conversation that is being removed', () => {
  it('does not exist for anybody, and is gone after a restart', async () => {
    const database = await createTestDatabase();
    let t = await createTestApp({ env: model.env, database });
    const alice = () => ApiClient.of(t.url, 'alice');
    const { id } = await alice().conversation({ title: 'A needle' });
    const { message } = await alice().say(id, 'Hello');
    const feedback = await alice().post<{ id: string }>('/feedback', { message_id: message.id, rating: 1 });
    await alice().post(`/chat/${id}`, { content: 'Once' }, { 'Idempotency-Key': 'turn' });
    const gate = hold();
    model.script(reply(['Some', gate, ' more']));
    const stream = await alice().stream(id, 'Go on');
    await gate.reached;
    const usage = await alice().get('/usage');
    await t.app.get(DataSource).query('UPDATE conversations SET deleted_at = now() WHERE id = $1', [id]);
    const absent = await Promise.all([
      alice().get(`/conversations/${id}`),
      alice().patch(`/conversations/${id}`, { title: 'x' }),
      alice().delete(`/conversations/${id}`),
      alice().delete(`/conversations/${id}/context`),
      alice().post(`/conversations/${id}/fork`),
      alice().get(`/chat/${id}/history`),
      alice().get(`/chat/${id}/stream`),
      alice().post(`/chat/${id}`, { content: 'x' }),
      alice().post(`/chat/${id}/stop`),
      alice().get(`/messages/${message.id}`),
      alice().get(`/messages/${message.id}/stream`),
      alice().post(`/messages/${message.id}/select`),
      alice().post(`/messages/${message.id}/regenerate`),
      alice().post(`/messages/${message.parent_id}/edit`, { content: 'x' }),
      alice().get(`/feedback/${feedback.body.id}`),
      alice().patch(`/feedback/${feedback.body.id}`, { rating: 2 }),
      alice().delete(`/feedback/${feedback.body.id}`),
      alice().post('/feedback', { message_id: message.id, rating: 3 }),
    ]);
    expect(absent.map(({ status }) => status)).toEqual(absent.map(() => 404));
    const repeated = await alice().post(`/chat/${id}`, { content: 'Once' }, { 'Idempotency-Key': 'turn' });
    expect(repeated.status).toBe(404);
    const lists = [
      '/conversations',
      '/conversations?q=needle',
      '/feedback',
      `/feedback?conversation_id=${id}`,
    ];
    for (const list of lists) expect((await alice().get<{ data: [] }>(list)).body.data).toEqual([]);
    expect((await alice().get('/users/alice/export')).text).not.toContain('needle');
    gate.release();
    await stream.done();
    await t.close();
    t = await createTestApp({ env: model.env, database });
    await until(async () => (await rowsOf(t, 'alice')).conversations === 0);
    expect(await rowsOf(t, 'alice')).toMatchObject({ messages: 0, feedback: 0 });
    const { replies } = (usage.body as unknown as { total: { replies: number } }).total;
    expect((await alice().get('/usage')).body).toMatchObject({ total: { replies: replies + 1 } });
    await t.close();
    await database.close();
  }, 120_000);
});

describe('until a user is erased', () => {
  const stopHere = async () => false;
  const begin = (t: TestApp, id: string) =>
    t.app.get(UsersService, { strict: false }).beginErasure(id, `deleted:${id.slice(0, 8)}`, stopHere);

  it('nobody is let in under the name that a gateway says; a restart goes on', async () => {
    const database = await createTestDatabase();
    let t = await createTestApp({ env: model.env, database });
    const alice = () => ApiClient.of(t.url, 'alice');
    await alice().conversation({ title: 'Mine' });
    await begin(t, 'alice');
    const answers = [
      await alice().get('/conversations'),
      await alice().post('/chat', { content: 'Hello' }),
      await alice().delete('/users/alice'),
      await alice().get('/auth/me'),
    ];
    expect(answers.map(({ status, body }) => ({ status, code: body.code }))).toEqual(
      answers.map(() => REFUSED),
    );
    expect(answers[0].headers.get('retry-after')).toMatch(/^\d+$/);
    await t.close();
    t = await createTestApp({ env: model.env, database });
    await until(async () => (await alice().get('/conversations')).status === 200);
    expect((await alice().get<{ data: object[] }>('/conversations')).body.data).toEqual([]);
    await t.close();
    await database.close();
  }, 120_000);

  it('nor by a token of an identity service', async () => {
    const issuer = await TokenIssuer.start();
    const t = await createTestApp({ env: { ...model.env, ...issuer.env } });
    const api = new ApiClient(t.url, { authorization: `Bearer ${await issuer.token('alice')}` });
    await api.conversation();
    await begin(t, 'alice');
    expect((await api.get('/conversations')).body).toMatchObject(REFUSED);
    await t.close();
    await issuer.close();
  }, 120_000);

  it('nor by an access token; administrators are told so, and can wait for it', async () => {
    const env = { ...model.env, AUTH_MODE: 'token', JWT_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e' };
    const t = await createTestApp({ env });
    const [alice, root] = [await signUp(t.url, 'alice'), await signUp(t.url, 'root')];
    await t.app.get(UsersService, { strict: false }).update(root.id, { role: 'admin' });
    await alice.api.conversation();
    await begin(t, alice.id);
    expect((await alice.api.get('/conversations')).body).toMatchObject(REFUSED);
    const seen = [
      await root.api.get(`/users/${alice.id}`),
      await root.api.put(`/users/${alice.id}`, { is_active: true }),
      await root.api.get(`/users/${alice.id}/export`),
    ];
    expect(seen.map(({ status, body }) => ({ status, code: body.code }))).toEqual(seen.map(() => REFUSED));
    expect((await root.api.get('/users')).text).not.toContain(alice.id);
    expect((await signUp(t.url, 'alice')).id).not.toBe(alice.id);
    expect((await root.api.delete(`/users/${alice.id}`)).status).toBe(204);
    expect((await root.api.delete(`/users/${alice.id}`)).status).toBe(404);
    expect((await alice.api.get('/conversations')).status).toBe(401);
    await t.close();
  }, 120_000);
});
