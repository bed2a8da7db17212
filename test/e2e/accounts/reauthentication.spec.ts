import { DataSource } from 'typeorm';
import { UsersService } from '../../../src/users/users.service';
import { bearer, logIn, newKey, PASSWORD, type Person, signUp, type Tokens } from '../../support/accounts';
import type { ApiClient } from '../../support/api-client';
import { createTestApp } from '../../support/create-test-app';
import { useChatApp } from '../../support/use-chat-app';

let people = 0;
const t = useChatApp({ AUTH_MODE: 'token' });

const rows = <T>(sql: string, parameters: unknown[] = []) =>
  t.app.get(DataSource).query<T[]>(sql, parameters);
/** As if the password had been given so long ago. */
const age = ({ id }: { id: string }, seconds: number) =>
  rows(`UPDATE sessions SET authenticated_at = now() - make_interval(secs => $2) WHERE user_id = $1`, [
    id,
    seconds,
  ]);

/** Somebody whose password was given longer ago than it counts. */
async function stale(): Promise<Person> {
  const person = await signUp(t.url, t.user(`stale${(people += 1)}`));
  await age(person, 301);
  return person;
}

const OPERATIONS: [
  string,
  (api: ApiClient, id: string) => Promise<{ status: number; body: object }>,
  number,
][] = [
  ['another address', (api, id) => api.put(`/users/${id}`, { email: `new${id}@example.com` }), 200],
  ['another name', (api, id) => api.put(`/users/${id}`, { username: `n${id}` }), 200],
  ['erasure', (api, id) => api.delete(`/users/${id}`), 204],
  ['a new API key', (api) => api.post('/api-keys', { name: 'x' }), 201],
];

describe.each(OPERATIONS)('%s', (_what, ask, accepted) => {
  it('is done with a fresh login', async () => {
    const person = await signUp(t.url, t.user(`fresh${(people += 1)}`));
    expect((await ask(person.api, person.id)).status).toBe(accepted);
  });

  it('takes the password after five minutes, and no refresh stands for it', async () => {
    const person = await stale();
    const { body } = await bearer(t.url).post<Tokens>('/auth/refresh', { refresh_token: person.refresh });
    for (const api of [person.api, bearer(t.url, body.access_token)]) {
      const refused = await ask(api, person.id);
      expect([refused.status, refused.body]).toMatchObject([403, { code: 'reauthentication_required' }]);
    }
    expect((await person.api.get<{ username: string }>('/auth/me')).body.username).toBe(person.username);
    const given = await person.api.post('/auth/reauthenticate', { current_password: PASSWORD });
    expect(given.status).toBe(204);
    expect((await ask(person.api, person.id)).status).toBe(accepted);
  });

  it('is refused to an API key', async () => {
    const person = await signUp(t.url, t.user(`keyed${(people += 1)}`));
    const { key } = await newKey(person);
    const refused = await ask(bearer(t.url, key), person.id);
    expect([refused.status, refused.body]).toMatchObject([403, { code: 'insufficient_scope' }]);
  });
});

it('what stays as it is, and everything else, goes on without', async () => {
  const person = await stale();
  const same = { username: person.username, email: `${person.username}@example.com` };
  expect((await person.api.put(`/users/${person.id}`, same)).status).toBe(200);
  expect((await person.api.get(`/users/${person.id}/export`)).status).toBe(200);
  expect((await person.api.post('/conversations', {})).status).toBe(201);
  expect((await person.api.get('/api-keys')).status).toBe(200);
});

describe('giving the password again', () => {
  it('vouches for that session alone', async () => {
    const person = await stale();
    const other = bearer(t.url, (await logIn(t.url, person.username)).access_token);
    await age(person, 301);
    await other.post('/auth/reauthenticate', { current_password: PASSWORD });
    expect((await other.post('/api-keys', { name: 'x' })).status).toBe(201);
    expect((await person.api.post('/api-keys', { name: 'x' })).status).toBe(403);
  });

  it('with a wrong one vouches for nothing, and guesses there count as guesses of the login', async () => {
    const person = await stale();
    const guess = (i: number) => person.api.post('/auth/reauthenticate', { current_password: `wrong ${i}` });
    const answers = [];
    for (let i = 0; i < 16; i += 1) answers.push(await guess(i));
    expect(answers[0].body).toMatchObject({ code: 'invalid_credentials' });
    expect((await person.api.post('/api-keys', { name: 'x' })).status).toBe(403);
    expect(answers.filter(({ status }) => status === 401).length).toBeLessThan(14);
    expect(answers.at(-1)).toMatchObject({ status: 429, body: { code: 'too_many_attempts' } });
    const login = await bearer(t.url).post('/auth/token', { username: person.username, password: PASSWORD });
    expect([login.status, login.body.code]).toEqual([429, 'too_many_attempts']);
    const actions = await rows<{ action: string }>(
      `SELECT DISTINCT action FROM audit_events WHERE subject = $1 AND action LIKE 'reauth%' ORDER BY action`,
      [person.id],
    );
    expect(actions.map(({ action }) => action)).toEqual([
      'reauthentication.blocked',
      'reauthentication.failed',
    ]);
  });

  it('is recorded', async () => {
    const person = await stale();
    await person.api.post('/auth/reauthenticate', { current_password: PASSWORD });
    const [{ action, address }] = await rows<{ action: string; address: string }>(
      `SELECT action, address FROM audit_events WHERE subject = $1 ORDER BY created_at DESC, id DESC LIMIT 1`,
      [person.id],
    );
    expect([action, address]).toEqual(['reauthentication.succeeded', '127.0.0.1']);
  });
});

describe('administrators', () => {
  it('who act on others vouch for themselves', async () => {
    const root = await signUp(t.url, t.user('root'));
    await t.app.get(UsersService, { strict: false }).update(root.id, { role: 'admin' });
    const other = await signUp(t.url, t.user('subject'));
    await age(root, 301);
    for (const attempt of [
      () => root.api.put(`/users/${other.id}`, { email: 'else@example.com' }),
      () => root.api.delete(`/users/${other.id}`),
    ])
      expect((await attempt()).body).toMatchObject({ code: 'reauthentication_required' });
    expect((await root.api.put(`/users/${other.id}`, { role: 'user' })).status).toBe(200);
    await root.api.post('/auth/reauthenticate', { current_password: PASSWORD });
    expect((await root.api.put(`/users/${other.id}`, { email: 'else@example.com' })).status).toBe(200);
    await age(other, 301);
    expect((await root.api.delete(`/users/${other.id}`)).status).toBe(204);
  });
});

it('how long it counts is a setting', async () => {
  const app = await createTestApp({ env: { AUTH_MODE: 'token', REAUTHENTICATION_MAX_AGE_S: '1' } });
  const person = await signUp(app.url, 'hasty');
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect((await person.api.post('/api-keys', { name: 'x' })).status).toBe(403);
  await app.close();
});

it('where others know the users there is no password to give, and none is asked for', async () => {
  const header = await createTestApp();
  const alice = header.as('alice');
  expect((await alice.post('/api/v1/auth/reauthenticate').send({ current_password: 'x' })).status).toBe(404);
  expect((await alice.delete('/api/v1/users/alice')).status).toBe(204);
  await header.close();
});
