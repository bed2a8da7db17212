import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { AdminCommands } from '../../../src/users/admin/admin-commands';
import { AdminModule } from '../../../src/users/admin/admin.module';
import { AppConfig } from '../../../src/config/app-config';
import { UserJobs } from '../../../src/jobs/user-jobs.service';
import { DatabaseState } from '../../../src/database/database-state';
import { bearer, logIn, newKey, PASSWORD, type Person, signUp } from '../../support/accounts';
import type { ApiClient } from '../../support/api-client';
import { useChatApp } from '../../support/use-chat-app';
import { UserFeedClient } from '../../support/user-feed-client';
import { rowsOf } from '../../support/database-fingerprint';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';

interface UserBody {
  id: string;
  username: string | null;
  role: string;
  is_active: boolean;
}

let root: ApiClient;
let rootId: string;

type Command = (args: string[], password?: string) => Promise<string>;

/** What `npm run admin` does, on the database of the tests. */
async function withCommands<T>(config: AppConfig, work: (command: Command) => Promise<T>): Promise<T> {
  const module = await Test.createTestingModule({ imports: [AdminModule] })
    .overrideProvider(AppConfig)
    .useValue(config)
    .compile();
  const app = await module.createNestApplication({ logger: false }).init();
  await app.get(DatabaseState).whenReady();
  try {
    return await work((args, password) => app.get(AdminCommands).run(args, password));
  } finally {
    await app.close();
  }
}

const command = (config: AppConfig, ...given: Parameters<Command>) =>
  withCommands(config, (run) => run(...given));

const ENV = { AUTH_MODE: 'token', JWT_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e' };

const t = useChatApp(ENV, { own: 'stops it for the commands of administrators' });
const { model } = t;
beforeAll(async () => {
  model.otherwise(reply('Yes.'));
  // The embedded database is for one process at a time.
  await t.stop();
  await command(t.config, ['create', 'root', 'root@example.com'], PASSWORD);
  await t.start();
  const { access_token } = await logIn(t.url, 'root');
  root = bearer(t.url, access_token);
  rootId = (await root.get<UserBody>('/auth/me')).body.id;
});

describe('users', () => {
  it('see and change themselves, and not what they are', async () => {
    const { id, api } = await signUp(t.url, 'self');
    expect((await api.get<UserBody>(`/users/${id}`)).body).toMatchObject({
      id,
      username: 'self',
      role: 'user',
    });
    const changed = await api.call<UserBody>('PUT', `/users/${id}`, { username: 'Self.2' });
    expect([changed.status, changed.body.username]).toEqual([200, 'Self.2']);
    expect((await logIn(t.url, 'self.2')).token_type).toBe('bearer');
    for (const body of [{ role: 'admin' }, { role: 'user' }, { is_active: true }]) {
      const refused = await api.call('PUT', `/users/${id}`, body);
      expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
    }
    for (const body of [{ id: 'x' }, { password_hash: 'x' }, { created_at: 'x' }, { role: 'god' }])
      expect((await api.call('PUT', `/users/${id}`, body)).status).toBe(400);
    const taken = await api.call('PUT', `/users/${id}`, { username: 'ROOT' });
    expect([taken.status, taken.body.code]).toEqual([409, 'username_taken']);
  });

  it('do not see others', async () => {
    const [alice, bob] = [await signUp(t.url, 'alice'), await signUp(t.url, 'bob')];
    expect((await bob.api.get('/users')).body.code).toBe('forbidden');
    for (const id of [alice.id, rootId, 'nobody', '%20', 'x'.repeat(129), '%00'.replace('00', 'C3%A9')]) {
      const answers = [
        await bob.api.get(`/users/${id}`),
        await bob.api.call('PUT', `/users/${id}`, { role: 'admin' }),
        await bob.api.delete(`/users/${id}`),
        await bob.api.get(`/users/${id}/export`),
      ];
      expect(answers.map(({ status, body }) => [status, body.code])).toEqual(
        Array.from({ length: 4 }, () => [404, 'user_not_found']),
      );
    }
  });

  it('are listed to administrators, page by page', async () => {
    const pages = await root.pages<UserBody>('/users', 2);
    const all = pages.flat();
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(all.map(({ username }) => username)).toEqual(expect.arrayContaining(['root', 'alice', 'bob']));
    expect(JSON.stringify(all)).not.toMatch(/hash|argon/);
  });

  it('get another role at once', async () => {
    const { id, api } = await signUp(t.url, 'riser');
    await root.call('PUT', `/users/${id}`, { role: 'admin' });
    expect((await api.get('/users')).status).toBe(200);
    await root.call('PUT', `/users/${id}`, { role: 'user' });
    expect((await api.get('/users')).status).toBe(403);
  });

  it('always have an administrator among them', async () => {
    for (const attempt of [
      root.call('PUT', `/users/${rootId}`, { role: 'user' }),
      root.call('PUT', `/users/${rootId}`, { is_active: false }),
      root.delete(`/users/${rootId}`),
    ]) {
      const { status, body } = await attempt;
      expect([status, body.code]).toEqual([409, 'last_admin']);
    }
  });
});

describe('somebody who is locked out', () => {
  it('has no token, key or ticket any more, and their streams and replies end', async () => {
    const person = await signUp(t.url, 'locked');
    const { key } = await newKey(person);
    const ticket = await person.api.ticket();
    const gate = hold();
    model.script(reply(['Some ', gate, 'more.']));
    const { id } = await person.api.conversation();
    const stream = await person.api.stream(id, 'Hello');
    await gate.reached;
    await stream.count(2);
    expect((await root.call('PUT', `/users/${person.id}`, { is_active: false })).status).toBe(200);
    await stream.done();
    expect(stream.last.type === 'error' ? stream.last.data.code : stream.last.type).toMatch(/signed_out|end/);
    // The reply is stopped by its user's state, after the stream has ended with the session.
    await vi.waitFor(async () => {
      const [{ status }] = await t.app
        .get(DataSource)
        .query<{ status: string }[]>('SELECT status FROM messages WHERE id = $1', [stream.messageId]);
      expect(status).toBe('stopped');
    }, 30_000);
    gate.release();
    for (const token of [person.access, key])
      expect((await bearer(t.url, token).get('/conversations')).status).toBe(401);
    const opened = await bearer(t.url).open('GET', `/chat/${id}/stream?ticket=${ticket}`);
    expect(opened.status).toBe(401);
    expect((await bearer(t.url).post('/auth/refresh', { refresh_token: person.refresh })).status).toBe(401);
    const login = await bearer(t.url).post('/auth/token', { username: 'locked', password: PASSWORD });
    expect([login.status, login.body.code]).toEqual([401, 'invalid_credentials']);
    await root.call('PUT', `/users/${person.id}`, { is_active: true });
    expect((await person.api.get('/conversations')).status).toBe(401);
    expect((await bearer(t.url).post('/auth/refresh', { refresh_token: person.refresh })).status).toBe(401);
    const again = bearer(t.url, (await logIn(t.url, 'locked')).access_token);
    expect((await again.message(stream.messageId)).status).toBe('stopped');
  });
});

/** What there is of users, by table, as it is called in an export. */
const EXPORTED: Record<string, string> = {
  account_names: 'user',
  admins: 'user',
  api_keys: 'api_key',
  audit_events: 'audit_event',
  conversations: 'conversation',
  feedback: 'feedback',
  messages: 'message',
  past_usage: 'past_usage',
  providers: 'provider',
  sessions: 'session',
  shares: 'share',
  user_jobs: 'job',
  users: 'user',
};
/** Gone by itself within a day or so, and nothing that anybody has written; of a running reply, which is in `messages` when it ends; made of others. */
const PASSING = [
  'idempotency_keys',
  'open_replies',
  'password_resets',
  'search_entries',
  'search_segments',
  'stream_tickets',
  'user_event_heads',
  'user_events',
];

async function tablesOfUsers(): Promise<string[]> {
  const rows = await t.app.get(DataSource).query<{ name: string }[]>(
    `SELECT table_name AS name FROM information_schema.columns
     WHERE table_schema = current_schema() AND (column_name = 'user_id' OR (table_name, column_name) = ('users', 'id'))
     ORDER BY table_name`,
  );
  return rows.map(({ name }) => name);
}

describe('somebody who is erased', () => {
  async function withEverything(name: string): Promise<Person> {
    const person = await signUp(t.url, name);
    await newKey(person);
    await person.api.ticket();
    // Who has had a feed has events that are kept.
    (await UserFeedClient.open(t.url, { headers: { authorization: `Bearer ${person.access}` } })).close();
    const { id } = await person.api.conversation({ title: `canary-${name}` });
    const { message } = await person.api.say(id, `Hello, canary-${name}`);
    await person.api.post('/feedback', { message_id: message.id, rating: 5, comment: `canary-${name}` });
    await person.api.post(`/conversations/${id}/shares`, {});
    await person.api.post('/conversations', {}, { 'idempotency-key': `key-${name}` });
    await person.api.post('/providers', {
      name: 'mine',
      base_url: 'http://127.0.0.1:9/v1',
      api_key: `sk-secret-${name}`,
      models: ['gpt'],
    });
    await t.app.get(UserJobs, { strict: false }).add(person.id, 'title', { conversation_id: id });
    const past = await person.api.conversation();
    await person.api.say(past.id, 'Forget it.');
    await person.api.delete(`/conversations/${past.id}`);
    return person;
  }

  it('leaves nothing behind, and nobody else loses anything', async () => {
    const [gone, stays] = [await withEverything('gone'), await withEverything('stays')];
    const others = await rowsOf(t, stays.id);
    const before = await rowsOf(t, gone.id);
    expect(Object.entries(before).filter(([, count]) => count > 0).length).toBeGreaterThan(5);
    expect(before.user_events).toBeGreaterThan(5);
    expect((await gone.api.delete(`/users/${gone.id}`)).status).toBe(204);
    const after = await rowsOf(t, gone.id);
    expect(Object.entries(after).filter(([, count]) => count > 0)).toEqual([]);
    expect(await rowsOf(t, stays.id)).toEqual(others);
    expect((await gone.api.get('/auth/me')).status).toBe(401);
    const dump = await t.app
      .get(DataSource)
      .query(
        `SELECT u::text FROM users u UNION ALL SELECT a::text FROM audit_events a UNION ALL SELECT m::text FROM messages m`,
      );
    expect(JSON.stringify(dump)).not.toMatch(new RegExp(`canary-gone|${gone.id}`));
    expect((await signUp(t.url, 'gone')).id).not.toBe(gone.id);
  });

  it('gets all of it before, line by line', async () => {
    const person = await withEverything('exported');
    const other = await withEverything('unexported');
    const response = await fetch(`${t.url}/api/v1/users/${person.id}/export`, {
      headers: { authorization: `Bearer ${person.access}` },
    });
    expect([
      response.status,
      response.headers.get('content-type'),
      response.headers.get('content-disposition'),
    ]).toEqual([200, 'application/x-ndjson', 'attachment; filename="export.ndjson"']);
    const text = await response.text();
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; data: object });
    const count = (type: string) => lines.filter((line) => line.type === type).length;
    expect(['user', 'conversation', 'message', 'feedback', 'api_key'].map(count)).toEqual([1, 2, 2, 1, 1]);
    expect(Object.values(EXPORTED).filter((type) => count(type) === 0)).toEqual([]);
    expect(new Set(lines.map(({ type }) => type))).toEqual(new Set(Object.values(EXPORTED)));
    expect((await tablesOfUsers()).filter((table) => !(table in EXPORTED))).toEqual(PASSING);
    expect(count('audit_event')).toBeGreaterThan(2);
    expect(text).toContain('Hello, canary-exported');
    expect(text).not.toMatch(/canary-unexported|hash|argon2|parley_[A-Za-z0-9_-]{43}/);
    expect(text).not.toContain(other.id);
  });

  it('can be exported and erased by an administrator', async () => {
    const person = await withEverything('helpless');
    expect((await root.get(`/users/${person.id}/export`)).text).toContain('canary-helpless');
    expect((await root.delete(`/users/${person.id}`)).status).toBe(204);
    expect((await root.get(`/users/${person.id}`)).status).toBe(404);
  });
});

describe('the record', () => {
  it('tells who did what to whom, and of whom it was no longer once they are gone', async () => {
    const person = await signUp(t.url, 'recorded');
    const change = (changes: object) => root.put(`/users/${person.id}`, changes);
    await change({ role: 'admin' });
    await change({ role: 'user' });
    await change({ is_active: false });
    await change({ is_active: true });
    expect((await change({ username: 'rerecorded' })).status).toBe(200);
    const made = await bearer(t.url, (await logIn(t.url, 'rerecorded')).access_token).post<{ id: string }>(
      '/providers',
      { name: 'mine', base_url: 'http://127.0.0.1:9/v1', api_key: 'sk-secret-of-mine' },
    );
    const api = bearer(t.url, (await logIn(t.url, 'rerecorded')).access_token);
    await api.patch(`/providers/${made.body.id}`, { models: ['one'] });
    await api.delete(`/providers/${made.body.id}`);
    await root.get(`/users/${person.id}/export`);
    const record = (subject: string) =>
      t.app.get(DataSource).query<{ action: string; actor: string | null; address: string | null }[]>(
        `SELECT action, actor, address, request_id FROM audit_events WHERE subject = $1
         AND action NOT IN ('account.created', 'login.succeeded') ORDER BY created_at, id`,
        [subject],
      );
    const events = await record(person.id);
    expect(events.map(({ action, actor }) => [action, actor])).toEqual([
      ...['role.changed', 'role.changed', 'user.disabled', 'user.enabled', 'user.changed'].map((each) => [
        each,
        rootId,
      ]),
      ...['provider.created', 'provider.changed', 'provider.deleted'].map((each) => [each, null]),
      ['user.exported', rootId],
    ]);
    await root.delete(`/users/${person.id}`);
    expect(await record(person.id)).toEqual([]);
    const [{ subject }] = await t.app
      .get(DataSource)
      .query<{ subject: string }[]>(
        `SELECT subject FROM audit_events WHERE action = 'user.deleted' ORDER BY id DESC LIMIT 1`,
      );
    expect(subject).toMatch(/^deleted:/);
    const left = await record(subject);
    expect(left.map(({ action }) => action)).toEqual([...events.map(({ action }) => action), 'user.deleted']);
    expect(left.every((event) => event.address === null)).toBe(true);
  });
});

describe('the command', () => {
  it('promotes, demotes, locks out and lets in, and refuses nonsense', async () => {
    const person = await signUp(t.url, 'commanded');
    await t.stop();
    expect(await command(t.config, ['promote', 'commanded'])).toBe(`${person.id} is an administrator.`);
    expect(await command(t.config, ['demote', 'commanded@example.com'])).toBe(`${person.id} is a user.`);
    expect(await command(t.config, ['disable', person.id])).toBe(`${person.id} is a user, and locked out.`);
    expect(await command(t.config, ['enable', person.id])).toBe(`${person.id} is a user.`);
    const nonsense = [
      [],
      ['help'],
      ['promote'],
      ['promote', 'nobody'],
      ['create', 'x'],
      ['constructor', 'x'],
    ];
    await withCommands(t.config, async (run) => {
      for (const args of nonsense) await expect(run(args)).rejects.toThrow(/npm run admin|no user/);
      await expect(run(['create', 'weak', 'weak@example.com'], 'short')).rejects.toThrow('ADMIN_PASSWORD');
    });
    expect(await command(t.config, ['create', 'second', 'second@example.com'])).toMatch(
      /shown only now: \S{20}$/,
    );
    await t.start();
  }, 60_000);
});
