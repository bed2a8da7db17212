import { DataSource } from 'typeorm';
import { ApiKeyUsageRecorder } from '../../../src/auth/keys/api-key-usage-recorder';
import { IDENTITY_BOUNDS } from '../../../src/config/bounds';
import { bearer, logIn, newKey, PASSWORD, signUp, type Tokens } from '../../support/accounts';
import { createTestApp } from '../../support/create-test-app';
import { stallDuring } from '../../support/event-loop-stall';
import { useChatApp } from '../../support/use-chat-app';

const t = useChatApp(
  { AUTH_MODE: 'token' },
  { own: 'has accounts whose names others use, and reads the whole audit' },
);

const rows = <T>(sql: string, parameters: unknown[] = []) =>
  t.app.get(DataSource).query<T[]>(sql, parameters);

function register(fields: object) {
  const body = { username: 'somebody', email: 'somebody@example.com', password: PASSWORD, ...fields };
  return bearer(t.url).post('/auth/register', body);
}

function form(fields: Record<string, string> | string, type = 'application/x-www-form-urlencoded') {
  return fetch(`${t.url}/api/v1/auth/token`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof fields === 'string' ? fields : new URLSearchParams(fields).toString(),
  });
}

describe('registering', () => {
  it('answers the account, and stores no password', async () => {
    const { status, body, text } = await register({ username: 'Zoë.K', email: 'Zoe@Example.com' });
    expect([status, body]).toEqual([
      201,
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        username: 'Zoë.K',
        email: 'Zoe@Example.com',
        role: 'user',
        is_active: true,
        created_at: expect.any(String),
      },
    ]);
    expect(text).not.toMatch(/password|argon/);
    const [row] = await rows<{ password_hash: string }>(`SELECT * FROM users WHERE username = 'Zoë.K'`);
    expect(row.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(JSON.stringify(await rows('SELECT * FROM users'))).not.toContain(PASSWORD);
  });

  it('lets one of fifty have a name, in whatever case and form', async () => {
    const names = ['Victor', 'victor', 'VICTOR', 'Ｖictor', 'victoｒ'];
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => register({ username: names[i % 5], email: `v${i}@example.com` })),
    );
    const statuses = answers.map(({ status }) => status).sort((a, b) => a - b);
    expect([statuses[0], new Set(statuses.slice(1))]).toEqual([201, new Set([409])]);
    const refusal = answers.find(({ status }) => status === 409);
    expect(refusal?.body.code).toBe('username_taken');
    expect(await rows(`SELECT 1 FROM account_names WHERE name_key = 'victor'`)).toHaveLength(1);
  }, 30_000);

  it('lets one have an address', async () => {
    await register({ username: 'mona', email: 'mona@example.com' });
    const { status, body } = await register({ username: 'mona2', email: 'MONA@EXAMPLE.COM' });
    expect([status, body.code]).toEqual([409, 'email_taken']);
  });

  it.each([
    ['role', { role: 'admin' }],
    ['id', { id: '019a5b1c-7f00-7000-8000-000000000001' }],
    ['is_active', { is_active: false }],
    ['password_hash', { password_hash: 'x' }],
    ['username', { username: 'a@b' }],
    ['username', { username: 'ab' }],
    ['username', { username: 'a b c' }],
    ['username', { username: 'x'.repeat(65) }],
    ['username', { username: 'ﷺﷺﷺﷺﷺ' }],
    ['username', { username: 5 }],
    ['email', { email: 'nobody' }],
    ['email', { email: 'a@b c.de' }],
    ['email', { email: `${'x'.repeat(300)}@example.com` }],
    ['password', { password: 'short' }],
    ['password', { password: 'x'.repeat(10_000) }],
    ['password', { password: undefined }],
  ])('refuses %s of %j', async (field, fields) => {
    const { status, body } = await register({ username: 'refused', email: 'refused@example.com', ...fields });
    expect([status, body.errors?.[0].path]).toEqual([400, field]);
    expect(
      await rows(`SELECT 1 FROM account_names WHERE name_key IN ('refused', 'refused@example.com')`),
    ).toEqual([]);
  });

  it('can be closed', async () => {
    const closed = await createTestApp({ env: { AUTH_MODE: 'token', AUTH_REGISTRATION: 'closed' } });
    const body = { username: 'late', email: 'late@example.com', password: PASSWORD };
    const answer = await bearer(closed.url).post('/auth/register', body);
    await closed.close();
    expect([answer.status, answer.body.code]).toEqual([403, 'registration_closed']);
  });
});

describe('logging in', () => {
  beforeAll(async () => {
    await signUp(t.url, 'alice');
  });

  it.each(['alice', 'ALICE', 'alice@example.com', 'Alice@Example.com'])('works by %s', async (username) => {
    const tokens = await logIn(t.url, username);
    expect(tokens).toEqual({
      access_token: expect.any(String),
      token_type: 'bearer',
      expires_in: 900,
      refresh_token: expect.stringMatching(/^prt_/),
    });
    const me = await bearer(t.url, tokens.access_token).get<{ username: string }>('/auth/me');
    expect([me.status, me.body.username]).toEqual([200, 'alice']);
  });

  it("takes OAuth2's form, as Swagger UI sends it", async () => {
    const fields = {
      grant_type: 'password',
      username: 'alice',
      password: PASSWORD,
      scope: '',
      client_id: '',
    };
    const response = await form(fields);
    expect([response.status, await response.json()]).toMatchObject([200, { token_type: 'bearer' }]);
    expect((await form(fields, 'application/x-www-form-urlencoded; charset=UTF-8')).status).toBe(200);
  });

  it.each([
    [400, 'username=alice&username=alice&password=x'],
    [400, 'username=alice'],
    [400, 'username=alice&password=x&grant_type=client_credentials'],
    [400, 'username=alice&password=x&role=admin'],
    [400, 'username=alice&password=%00'],
    [400, 'username=alice&password=%ff'],
    [400, '__proto__=x&username=alice&password=x'],
    [400, 'username[a]=alice&password=x'],
    [401, 'username=alice&password=x'],
  ])('answers %i to the form %s', async (status, text) => {
    expect((await form(text)).status).toBe(status);
  });

  it('takes forms nowhere else, and no other form', async () => {
    expect((await form('{}', 'multipart/form-data')).status).toBe(415);
    const response = await fetch(`${t.url}/api/v1/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'username=formy&password=xxxxxxxxxxxx&email=f@example.com',
    });
    expect(response.status).toBe(415);
  });

  it('refuses an unknown name and a wrong password in the same words and time', async () => {
    await signUp(t.url, 'timed');
    const tries = async (name: (i: number) => string) => {
      const times: number[] = [];
      let text = '';
      for (let i = 0; i < 4; i += 1) {
        const started = performance.now();
        const answer = await bearer(t.url).post('/auth/token', {
          username: name(i),
          password: 'wrong wrong',
        });
        times.push(performance.now() - started);
        expect(answer.status).toBe(401);
        text = answer.text.replace(/"request_id":"[^"]*"/, '');
      }
      return { text, fastest: Math.min(...times) };
    };
    const known = await tries(() => 'timed');
    const unknown = await tries((i) => `nobody${i}`);
    expect(unknown.text).toBe(known.text);
    // Without the dummy hash an unknown name would be known some 40 ms earlier.
    expect(unknown.fastest).toBeGreaterThan(known.fastest / 2);
  });

  it('takes a password in either form of its letters, and long ones whole', async () => {
    const long = `${'é'.repeat(100)}1`;
    await signUp(t.url, 'accents', long.normalize('NFD').normalize('NFC'));
    expect(
      (await bearer(t.url).post('/auth/token', { username: 'accents', password: long.normalize('NFD') }))
        .status,
    ).toBe(200);
    const almost = `${'é'.repeat(100)}2`;
    expect((await bearer(t.url).post('/auth/token', { username: 'accents', password: almost })).status).toBe(
      401,
    );
  });

  it('keeps the event loop free', async () => {
    let stallMs = Infinity;
    // Once is enough: the machine may be busy with other things.
    for (let tries = 0; tries < 5 && stallMs > 100; tries += 1)
      ({ stallMs } = await stallDuring(() =>
        Promise.all(Array.from({ length: 8 }, () => logIn(t.url, 'alice'))),
      ));
    expect(stallMs).toBeLessThan(100);
  });
});

describe('guessing', () => {
  it('is slowed for who guesses, and lets the owner in from elsewhere', async () => {
    const app = await createTestApp({ env: { AUTH_MODE: 'token', TRUSTED_PROXIES: '127.0.0.1' } });
    await signUp(app.url, 'target');
    const from = (address: string, password: string) =>
      bearer(app.url).post('/auth/token', { username: 'target', password }, { 'x-forwarded-for': address });
    const answers = [];
    for (let i = 0; i < 13; i += 1) answers.push(await from('203.0.113.9', `wrong ${i}`));
    expect(answers.map(({ status }) => status)).toEqual([...Array<number>(10).fill(401), 429, 429, 429]);
    const refused = answers[12];
    expect([refused.body.code, Number(refused.headers.get('retry-after'))]).toEqual([
      'too_many_attempts',
      expect.any(Number),
    ]);
    expect((await from('203.0.113.9', PASSWORD)).status).toBe(429);
    expect((await from('203.0.113.77', PASSWORD)).status).toBe(200);
    await app.close();
  }, 30_000);

  it('cannot be hurried by asking at once', async () => {
    await signUp(t.url, 'parallel');
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        bearer(t.url).post('/auth/token', { username: 'parallel', password: `wrong ${i}` }),
      ),
    );
    expect(answers.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(10);
  });

  it('of one name keeps no name and no address', async () => {
    await bearer(t.url).post('/auth/token', { username: 'whoever', password: 'x' });
    const kept = await rows<object>('SELECT * FROM login_attempts');
    expect(kept.length).toBeGreaterThan(0);
    expect(JSON.stringify(kept)).not.toMatch(/whoever|127\.0\.0/);
  });
});

describe('refreshing', () => {
  const refresh = (refresh_token: string) => bearer(t.url).post<Tokens>('/auth/refresh', { refresh_token });

  it('spends the token for a new pair of the same session', async () => {
    const { refresh: first, access } = await signUp(t.url, 'ursula');
    const { status, body } = await refresh(first);
    expect([status, body.token_type]).toEqual([200, 'bearer']);
    expect(body.refresh_token).not.toBe(first);
    for (const token of [access, body.access_token])
      expect((await bearer(t.url, token).get('/auth/me')).status).toBe(200);
    expect((await refresh(body.refresh_token)).status).toBe(200);
  });

  it('ends the session when a spent token comes again, after ten seconds', async () => {
    const { refresh: first, id } = await signUp(t.url, 'rob');
    const { body: second } = await refresh(first);
    await rows(`UPDATE sessions SET rotated_at = now() - interval '11 seconds' WHERE user_id = $1`, [id]);
    expect((await refresh(first)).status).toBe(401);
    expect((await refresh(second.refresh_token)).status).toBe(401);
    expect((await bearer(t.url, second.access_token).get('/auth/me')).status).toBe(401);
  });

  it('gives ten at once the same next token', async () => {
    const { refresh: first } = await signUp(t.url, 'racer');
    const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(first)));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(10).fill(200));
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1);
  });

  it.each(['', 'x', 'prt_', `prt_${'A'.repeat(65)}`, `prt_${'A'.repeat(64)}!`, 'a'.repeat(200)])(
    'refuses %j',
    async (text) => {
      expect([400, 401]).toContain((await refresh(text)).status);
    },
  );

  it('is not done with an access token, nor the reverse', async () => {
    const { refresh: token, access } = await signUp(t.url, 'mixer');
    expect((await refresh(access)).status).toBe(400);
    expect((await bearer(t.url, token).get('/auth/me')).status).toBe(401);
  });
});

describe('leaving', () => {
  it('ends the tokens and tickets of that session, and no other', async () => {
    const here = await signUp(t.url, 'leaver');
    const there = await logIn(t.url, 'leaver');
    const ticket = await here.api.ticket();
    expect((await here.api.post('/auth/logout')).status).toBe(204);
    expect((await here.api.get('/auth/me')).status).toBe(401);
    expect((await bearer(t.url).post('/auth/refresh', { refresh_token: here.refresh })).status).toBe(401);
    const conversation = await bearer(t.url, there.access_token).conversation();
    const stream = await fetch(`${t.url}/api/v1/chat/${conversation.id}/stream?ticket=${ticket}`);
    expect(stream.status).toBe(401);
    await stream.body?.cancel();
  });

  it('by a new password ends all other sessions', async () => {
    const here = await signUp(t.url, 'changer');
    const there = await logIn(t.url, 'changer');
    const wrong = await here.api.post('/auth/password', {
      current_password: 'not this one',
      new_password: 'another good one',
    });
    expect([wrong.status, wrong.body.code]).toEqual([401, 'invalid_credentials']);
    const change = { current_password: PASSWORD, new_password: 'another good one' };
    expect((await here.api.post('/auth/password', change)).status).toBe(204);
    expect((await here.api.get('/auth/me')).status).toBe(200);
    expect((await bearer(t.url, there.access_token).get('/auth/me')).status).toBe(401);
    expect(
      (await bearer(t.url).post('/auth/token', { username: 'changer', password: PASSWORD })).status,
    ).toBe(401);
    expect((await logIn(t.url, 'changer', 'another good one')).token_type).toBe('bearer');
  });
});

describe('API keys', () => {
  it('act for their user, within their scopes', async () => {
    const person = await signUp(t.url, 'keyholder');
    const { key, id } = await newKey(person, { scopes: ['conversations:read'] });
    const api = bearer(t.url, key);
    expect((await api.get('/conversations')).status).toBe(200);
    const refused = await api.post('/conversations', {});
    expect([refused.status, refused.body.code, refused.headers.get('www-authenticate')]).toEqual([
      403,
      'insufficient_scope',
      'Bearer realm="parley", error="insufficient_scope"',
    ]);
    for (const path of ['/api-keys', '/auth/me']) expect((await api.get(path)).status).toBe(403);
    expect((await api.post('/api-keys', { name: 'more' })).status).toBe(403);
    const list = await person.api.get<{ data: object[] }>('/api-keys');
    expect(list.body.data).toMatchObject([
      { id, name: 'Test', prefix: key.slice(0, 12), scopes: ['conversations:read'] },
    ]);
    expect(list.text).not.toContain(key);
    expect(JSON.stringify(await rows('SELECT * FROM api_keys'))).not.toContain(key);
  });

  it('without scopes may do all that keys can', async () => {
    const { key } = await newKey(await signUp(t.url, 'allscopes'));
    const api = bearer(t.url, key);
    expect((await api.post('/conversations', {})).status).toBe(201);
    expect((await api.get('/models')).status).toBe(200);
    expect((await api.get('/auth/me')).status).toBe(403);
  });

  it('end when they are deleted, and when they expire, with their tickets', async () => {
    const person = await signUp(t.url, 'ender');
    const { key, id } = await newKey(person);
    expect((await bearer(t.url, key).get('/conversations')).status).toBe(200);
    const ticket = await bearer(t.url, key).ticket();
    expect((await person.api.delete(`/api-keys/${id}`)).status).toBe(204);
    expect((await bearer(t.url, key).get('/conversations')).status).toBe(401);
    const { id: conversation } = await person.api.conversation();
    const opened = await bearer(t.url).open('GET', `/chat/${conversation}/stream?ticket=${ticket}`);
    expect(opened.status).toBe(401);
    const soon = await newKey(person, { expires_at: new Date(Date.now() + 1000).toISOString() });
    expect((await bearer(t.url, soon.key).get('/conversations')).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect((await bearer(t.url, soon.key).get('/conversations')).status).toBe(401);
  });

  it('of somebody else do not exist', async () => {
    const [alice, bob] = [await signUp(t.url, 'alice2'), await signUp(t.url, 'bob2')];
    const { id, key } = await newKey(alice);
    expect((await bob.api.delete(`/api-keys/${id}`)).status).toBe(404);
    expect((await bearer(t.url, key).get('/conversations')).status).toBe(200);
  });

  it.each([
    [{ scopes: ['admin'] }],
    [{ scopes: 'chat:write' }],
    [{ expires_at: '2020-01-01T00:00:00Z' }],
    [{ expires_at: 'tomorrow' }],
    [{ expires_at: '9999-12-31T00:00:00Z' }],
    [{ user_id: 'x' }],
    [{ name: '' }],
  ])('are not made with %j', async (fields) => {
    const { access_token } = await logIn(t.url, 'alice');
    const { status } = await bearer(t.url, access_token).post('/api-keys', { name: 'x', ...fields });
    expect(status).toBe(400);
  });

  it('remember when they were used', async () => {
    const person = await signUp(t.url, 'user3');
    const { key, id } = await newKey(person);
    await bearer(t.url, key).get('/conversations');
    await t.app.get(ApiKeyUsageRecorder, { strict: false }).write();
    const { body } = await person.api.get<{ data: { id: string; last_used_at: string | null }[] }>(
      '/api-keys',
    );
    expect(body.data.find((each) => each.id === id)?.last_used_at).toEqual(expect.any(String));
  });
});

describe('a session that is not renewed', () => {
  it('ends what it has opened when it expires, and one that is renewed goes on', async () => {
    const people = [await signUp(t.url, 'brief'), await signUp(t.url, 'renewed')];
    await rows(`UPDATE sessions SET expires_at = now() + interval '4 seconds' WHERE user_id = ANY($1)`, [
      people.map(({ id }) => id),
    ]);
    const [brief, renewed] = await Promise.all(
      people.map(async ({ api }) => {
        const { id } = await api.conversation();
        const feed = await api.feed(id);
        await api.say(id, 'Hello');
        return { api, id, feed };
      }),
    );
    const { refresh } = people[1];
    expect((await bearer(t.url).post('/auth/refresh', { refresh_token: refresh })).status).toBe(200);
    const { events } = await brief.feed.done();
    expect(events.at(-1)).toMatchObject({ type: 'error', data: { code: 'signed_out' } });
    expect((await brief.api.get('/auth/me')).status).toBe(401);
    await renewed.api.say(renewed.id, 'Still here?');
    const conversation = await renewed.api.delete(`/conversations/${renewed.id}`);
    expect(conversation.status).toBe(204);
    const told = (await renewed.feed.done()).events.filter(({ type }) => type === 'end' || type === 'error');
    expect(told.map(({ type }) => type)).toEqual(['end', 'end']);
  }, 30_000);
});

describe('the record', () => {
  it('tells what happened to whom, and never a secret', async () => {
    const person = await signUp(t.url, 'recorded');
    const wrong = { username: 'recorded', password: 'wrong wrong' };
    await bearer(t.url).post('/auth/token', wrong);
    const { id: key } = await newKey(person);
    await person.api.delete(`/api-keys/${key}`);
    const passwords = { current_password: PASSWORD, new_password: `${PASSWORD} again` };
    await person.api.post('/auth/password', { ...passwords, current_password: 'wrong wrong' });
    expect((await person.api.post('/auth/password', passwords)).status).toBe(204);
    const refresh = () => bearer(t.url).post('/auth/refresh', { refresh_token: person.refresh });
    await refresh();
    await rows(`UPDATE sessions SET rotated_at = now() - interval '11 seconds' WHERE user_id = $1`, [
      person.id,
    ]);
    await refresh();
    person.api = bearer(t.url, (await logIn(t.url, 'recorded', passwords.new_password)).access_token);
    await person.api.post('/auth/logout');
    await Promise.all(Array.from({ length: 16 }, () => bearer(t.url).post('/auth/token', wrong)));
    const events = await rows<{ action: string }>(
      'SELECT * FROM audit_events WHERE subject = $1 ORDER BY created_at, id',
      [person.id],
    );
    const actions = events.map(({ action }) => action);
    const known = actions.lastIndexOf('session.ended') + 1;
    expect(actions.slice(0, known)).toEqual([
      'account.created',
      'login.succeeded',
      'login.failed',
      'api_key.created',
      'api_key.deleted',
      'password.failed',
      'password.changed',
      'session.reuse_detected',
      'login.succeeded',
      'session.ended',
    ]);
    expect(actions.slice(known)).toHaveLength(16);
    expect(new Set(actions.slice(known))).toEqual(new Set(['login.failed', 'login.blocked']));
    expect(events[1]).toMatchObject({ address: '127.0.0.1', request_id: expect.stringMatching(/^req_/) });
    expect(JSON.stringify(events)).not.toMatch(/wrong wrong|parley_|prt_|long walk/);
  });
});

describe('where others know the users', () => {
  it('there are no accounts', async () => {
    const header = await createTestApp();
    const body = { username: 'abc', email: 'a@example.com', password: PASSWORD };
    for (const path of ['register', 'token', 'refresh', 'logout', 'password', 'reauthenticate'])
      expect([path, (await header.as('alice').post(`/api/v1/auth/${path}`).send(body)).status]).toEqual([
        path,
        404,
      ]);
    expect((await header.as('alice').get('/api/v1/api-keys')).status).toBe(404);
    expect((await header.as('alice').get('/api/v1/auth/me')).body).toMatchObject({
      id: 'alice',
      username: null,
    });
    await header.close();
  });
});

it('a login beyond the number of sessions ends the one that was not refreshed for longest', async () => {
  vi.spyOn<{ limit: number }, 'limit'>(IDENTITY_BOUNDS.sessionsOfUser, 'limit', 'get').mockReturnValue(3);
  const person = await signUp(t.url, 'hoarder');
  const second = await logIn(t.url, 'hoarder');
  await logIn(t.url, 'hoarder');
  const { body: kept } = await bearer(t.url).post<Tokens>('/auth/refresh', { refresh_token: person.refresh });
  await logIn(t.url, 'hoarder');
  vi.restoreAllMocks();
  const isKnown = async ({ access_token }: Tokens) =>
    (await bearer(t.url, access_token).get('/auth/me')).status === 200;
  expect(await Promise.all([kept, second].map(isKnown))).toEqual([true, false]);
  const sessions = await rows('SELECT 1 FROM sessions WHERE user_id = $1', [person.id]);
  expect(sessions).toHaveLength(3);
});
