import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { UsersService } from '../../../src/users/users.service';
import { bearer, logIn, newKey, PASSWORD, type Person, signUp, type Tokens } from '../../support/accounts';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { useChatApp } from '../../support/use-chat-app';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { SLACK_MS } from '../../support/slack';
import { refusalOf, SocketClient } from '../../support/socket-client';

const ENV = { AUTH_MODE: 'token', JWT_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e' };
const shared = Boolean(process.env.TEST_DATABASE_URL);

const t = useChatApp(ENV, { own: 'one of two instances' });
/** Another instance, where there can be one: what ends through the first one ends there as well. */
const other = shared ? useChatApp(ENV, { own: 'the other one', beside: t }) : t;
const { model } = t;
beforeEach(() => {
  model.reset();
  model.otherwise(reply('Yes.'));
});

const withToken = (token: string) => ({ Authorization: `Bearer ${token}` });
const setActive = (id: string, is_active: boolean) =>
  t.app.get(UsersService, { strict: false }).update(id, { is_active });
let names = 0;
const somebody = () => signUp(t.url, `socket${(names += 1)}`);

async function say(socket: SocketClient, more: object = {}): Promise<unknown> {
  const { type, data } = await socket.ask({ type: 'chat', request_id: 'say', content: 'Hi', ...more });
  return type === 'error' ? data.code : type;
}

/** How many there still are, after a while in which they should end. */
async function openRepliesOf(userId: string): Promise<number> {
  const open = `SELECT id FROM messages WHERE user_id = $1 AND status IN ('queued', 'streaming')`;
  const count = async () => (await t.app.get(DataSource).query<object[]>(open, [userId])).length;
  for (const end = Date.now() + 20_000; (await count()) && Date.now() < end; await sleep(20));
  return count();
}

describe('the handshake of an account', () => {
  it('takes a token, a key or a ticket, and says how else', async () => {
    const person = await somebody();
    const { key } = await newKey(person);
    const ticket = await person.api.ticket();
    const byTicket = `${t.url}/api/v1/ws?ticket=${ticket}`;
    for (const opening of [
      SocketClient.open(t.url, withToken(person.access)),
      SocketClient.open(t.url, withToken(key)),
      SocketClient.open(byTicket),
    ]) {
      const socket = await opening;
      expect(await say(socket)).toBe('start');
      await socket.reply('say');
      await socket.close();
    }
    expect((await refusalOf(byTicket)).body.code).toBe('invalid_ticket');
  });

  it('takes nothing else', async () => {
    const { id, refresh } = await somebody();
    const attempts: [object, string][] = [
      [{}, 'unauthenticated'],
      [{ 'X-User-ID': id }, 'unauthenticated'],
      [withToken(refresh), 'invalid_token'],
      [withToken(id), 'invalid_token'],
      [{ ...withToken('garbage'), 'X-User-ID': id }, 'invalid_token'],
    ];
    for (const [headers, code] of attempts) {
      const { status, headers: answered, body } = await refusalOf(t.url, headers);
      expect([status, body.code]).toEqual([401, code]);
      expect(answered['www-authenticate']).toContain('Bearer realm="parley"');
    }
    expect((await refusalOf(`${t.url}/api/v1/ws?user_id=${id}`)).status).toBe(401);
  });
});

describe('a key on a socket', () => {
  it('does what its scopes allow, and nothing else', async () => {
    const person = await somebody();
    const { id } = await person.api.conversation();
    const { message } = await person.api.say(id, 'Hello');
    const open = async (scopes: string[]) =>
      SocketClient.open(t.url, withToken((await newKey(person, { scopes })).key));
    const kinds = async (socket: SocketClient) => {
      const frames = [
        { type: 'follow', message_id: message.id },
        { type: 'stop', message_id: message.id },
        { type: 'unfollow', message_id: message.id },
        { type: 'chat', conversation_id: id, content: 'Hi' },
      ];
      const answers: unknown[] = [];
      for (const [index, frame] of frames.entries()) {
        const { type, id: event, data } = await socket.ask({ ...frame, request_id: `r${index}` });
        answers.push(type === 'error' && !event ? data.code : type);
      }
      await socket.close();
      return answers;
    };
    const refused = 'insufficient_scope';
    expect(await kinds(await open(['conversations:read']))).toEqual([
      'start',
      refused,
      'unfollowed',
      refused,
    ]);
    expect(await kinds(await open(['chat:write']))).toEqual([refused, 'stopped', refused, 'start']);
    for (const scopes of [[], ['feedback:write', 'models:read']]) {
      const { status, body } = await refusalOf(t.url, withToken((await newKey(person, { scopes })).key));
      expect([status, body.code]).toEqual([403, refused]);
    }
  });
});

describe('a socket whose identity ends', () => {
  const WAYS: [string, (person: Person, keyId: string) => Promise<unknown>, 'token' | 'key' | 'ticket'][] = [
    ['by logging out', (person) => person.api.post('/auth/logout'), 'token'],
    ['by logging out after a ticket', (person) => person.api.post('/auth/logout'), 'ticket'],
    [
      'by a new password, from elsewhere',
      async ({ username }) => {
        const { access_token } = await logIn(t.url, username);
        const passwords = { current_password: PASSWORD, new_password: `${PASSWORD} again` };
        expect((await bearer(t.url, access_token).post('/auth/password', passwords)).status).toBe(204);
      },
      'token',
    ],
    [
      'by a refresh token that comes again after two others',
      async ({ refresh }) => {
        const spend = (refresh_token: string) =>
          bearer(t.url).post<Tokens>('/auth/refresh', { refresh_token });
        const { body } = await spend(refresh);
        expect((await spend(body.refresh_token)).status).toBe(200);
        expect((await spend(refresh)).status).toBe(401);
      },
      'token',
    ],
    ['by deleting the key', (person, keyId) => person.api.delete(`/api-keys/${keyId}`), 'key'],
    ['by a lock-out', (person) => setActive(person.id, false), 'token'],
    ['by a lock-out of whoever has a key', (person) => setActive(person.id, false), 'key'],
    ['by erasure', (person) => person.api.delete(`/users/${person.id}`), 'token'],
  ];

  it.each(WAYS)('%s is closed within a second, on every instance', async (_how, end, by) => {
    const [person, bystander] = [await somebody(), await somebody()];
    const { id: keyId, key } = await newKey(person);
    const open = async (url: string) =>
      by === 'ticket'
        ? SocketClient.open(`${url}/api/v1/ws?ticket=${await person.api.ticket()}`)
        : SocketClient.open(url, withToken(by === 'key' ? key : person.access));
    const sockets = [await open(t.url), await open(other.url)];
    const stays = await SocketClient.open(other.url, withToken(bystander.access));
    const gate = hold();
    model.script(reply(['One', gate, ' two']));
    await sockets[1].send({ type: 'chat', request_id: 'r', content: 'Hi' }).until(() => {
      return sockets[1].eventsFor('r').length >= 2;
    });
    await end(person, keyId);
    const began = performance.now();
    expect(await Promise.all(sockets.map((socket) => socket.closed()))).toEqual([4401, 4401]);
    expect(performance.now() - began).toBeLessThan(1_000 + SLACK_MS);
    const shown = sockets.map(({ raw }) => raw.length);
    gate.release();
    expect(await say(stays)).toBe('start');
    expect(sockets.map(({ raw }) => raw.length)).toEqual(shown);
    await stays.close();
  });

  it('has no reply that goes on, however late it was asked for', async () => {
    const person = await somebody();
    const socket = await SocketClient.open(t.url, withToken(person.access));
    const gate = hold();
    for (let i = 0; i < 5; i += 1) model.script(reply(['One', gate, ' two']));
    const locked = setActive(person.id, false);
    for (let i = 0; i < 5; i += 1) socket.send({ type: 'chat', request_id: `r${i}`, content: 'Hi' });
    await locked;
    expect(await socket.closed()).toBe(4401);
    expect(await openRepliesOf(person.id)).toBe(0);
    gate.release();
  });
});

describe('replies that wait', () => {
  /** A conversation in which one reply runs, through the other instance, and two wait. */
  async function queue(person: Person) {
    const { id } = await person.api.conversation();
    const gate = hold();
    model.script(reply(['One', gate, ' two']));
    const running = await (await person.api.stream(id, 'First')).count(2);
    const post = () => person.api.open('POST', `/chat/${id}/stream`, { content: 'More', on_busy: 'queue' });
    return { id, gate, running, waiting: [await post(), await post()] };
  }
  const statuses = async (conversationId: string) => {
    const rows: { status: string }[] = await t.app
      .get(DataSource)
      .query(
        `SELECT status FROM messages WHERE conversation_id = $1 AND role = 'assistant' ORDER BY sequence`,
        [conversationId],
      );
    return rows.map(({ status }) => status);
  };

  it('never begin for somebody who is locked out', async () => {
    const person = await somebody();
    const { id, gate, running, waiting } = await queue(person);
    const calls = model.requests.length;
    await setActive(person.id, false);
    await Promise.all([running, ...waiting].map((reader) => reader.done()));
    expect(await openRepliesOf(person.id)).toBe(0);
    gate.release();
    expect(await statuses(id)).toEqual(['stopped', 'stopped', 'stopped']);
    await setActive(person.id, true);
    expect((await person.api.say(id, 'Again')).message.status).toBe('completed');
    expect(model.requests.length).toBe(calls + 1);
  });

  it('go with whoever is erased', async () => {
    const person = await somebody();
    const { id, gate, running, waiting } = await queue(person);
    const calls = model.requests.length;
    expect((await person.api.delete(`/users/${person.id}`)).status).toBe(204);
    await Promise.all([running, ...waiting].map((reader) => reader.done()));
    gate.release();
    expect(await statuses(id)).toEqual([]);
    expect(model.requests.length).toBe(calls);
  });
});

describe('the limits of requests', () => {
  async function withLimits(env: NodeJS.ProcessEnv, work: (app: TestApp) => Promise<void>): Promise<void> {
    const app = await createTestApp({ env: { ...model.env, RATE_LIMITS: 'on', ...env } });
    try {
      await work(app);
    } finally {
      await app.close();
    }
  }

  it('hold for what is said over sockets and over HTTP together', () =>
    withLimits({ RATE_LIMIT_CHAT: '3' }, async (app) => {
      const socket = await SocketClient.of(app.url, 'alice');
      expect(await say(socket)).toBe('start');
      expect((await app.as('alice').post('/api/v1/chat').send({ content: 'Hi' })).status).toBe(200);
      const answers = [];
      for (const request_id of ['a', 'b'])
        answers.push(await socket.ask({ type: 'chat', request_id, content: 'Hi' }));
      expect(answers.map(({ type }) => type)).toEqual(['start', 'error']);
      expect(answers[1].data).toMatchObject({ code: 'rate_limited', status: 429, retryable: true });
      expect((await app.as('alice').post('/api/v1/chat').send({ content: 'Hi' })).status).toBe(429);
      await socket.close();
    }));

  it('hold for handshakes, per network', () =>
    withLimits({ RATE_LIMIT_ADDRESS: '2' }, async (app) => {
      for (const user of ['alice', 'bob']) await (await SocketClient.of(app.url, user)).close();
      const { status, headers, body } = await refusalOf(app.url, { 'X-User-ID': 'carol' });
      expect([status, body.code]).toEqual([429, 'rate_limited']);
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    }));
});
