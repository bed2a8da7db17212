import { DataSource } from 'typeorm';
import { bearer, PASSWORD, type Person, signUp } from '../../support/accounts';
import { call, type Answer } from '../../support/http-call';
import { useChatApp } from '../../support/use-chat-app';

const ENV = { AUTH_MODE: 'token', JWT_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e' };
const ALLOWED = 'https://app.example.com';
const PUBLIC = 'https://chat.example.com';

const t = useChatApp({ ...ENV, CORS_ORIGINS: ALLOWED, PUBLIC_URL: `${PUBLIC}/` });

type Headers = Record<string, string>;
interface Body {
  access_token: string;
  refresh_token?: string;
  expires_in: number;
  token_type: string;
  code?: string;
}

const post = (path: string, headers: Headers = {}, body?: object) =>
  call(t.url, { method: 'POST', path: `/api/v1/auth/${path}`, headers, ...(body && { body }) });
const signIn = (username: string, headers?: Headers) =>
  post('token?cookie=true', headers, { username, password: PASSWORD });
const bodyOf = ({ body }: Answer) => body as Body;

/** Name, value and attributes of the one cookie that an answer sets. */
function cookieOf({ headers }: Answer) {
  const line = headers['set-cookie'];
  if (line === undefined) return undefined;
  const [pair, ...attributes] = String(line).split('; ');
  return { pair, value: pair.slice(pair.indexOf('=') + 1), attributes: attributes.sort() };
}
const pairOf = (answer: Answer) => {
  const cookie = cookieOf(answer);
  if (!cookie) throw new Error(`No cookie: ${answer.status} ${answer.text}`);
  return cookie.pair;
};
const isSignedIn = async (token: string) => (await bearer(t.url, token).get('/auth/me')).status === 200;
const sessionsOf = async ({ id }: Person) =>
  (await t.app.get(DataSource).query<object[]>('SELECT 1 FROM sessions WHERE user_id = $1', [id])).length;
const age = (access: string, seconds: number) => {
  const { sid } = JSON.parse(Buffer.from(access.split('.')[1], 'base64url').toString()) as { sid: string };
  return t.app
    .get(DataSource)
    .query('UPDATE sessions SET rotated_at = rotated_at - make_interval(secs => $2) WHERE id = $1', [
      sid,
      seconds,
    ]);
};

let names = 0;
let alice: Person;
beforeEach(async () => {
  alice = await signUp(t.url, `${t.user('cookie')}-${(names += 1)}`);
});

describe('a sign-in with a cookie', () => {
  it('keeps the refresh token from scripts and the body', async () => {
    const answer = await signIn(alice.username);
    const body = bodyOf(answer);
    expect(body).toEqual({ access_token: expect.any(String), token_type: 'bearer', expires_in: 900 });
    expect(await isSignedIn(body.access_token)).toBe(true);
    const cookie = cookieOf(answer);
    expect(cookie?.pair).toMatch(/^parley_refresh=prt_[\w-]{87}$/);
    expect(cookie?.attributes).toEqual([
      expect.stringMatching(/^Expires=/),
      'HttpOnly',
      'Max-Age=2592000',
      'Path=/api/v1/auth',
      'SameSite=Strict',
    ]);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('is marked Secure everywhere but on this machine', async () => {
    const secureFor = async (headers: Headers) =>
      cookieOf(await signIn(alice.username, headers))?.attributes.includes('Secure');
    expect(await secureFor({ host: 'chat.example.com' })).toBe(true);
    expect(await secureFor({ host: 'chat.example.com', origin: PUBLIC })).toBe(true);
    // A proxy on this machine that does not pass the name on.
    expect(await secureFor({ origin: PUBLIC })).toBe(true);
    expect(await secureFor({ origin: t.url, 'sec-fetch-site': 'same-origin' })).toBe(false);
    expect(await secureFor({ host: 'localhost:3000' })).toBe(false);
    expect(await secureFor({ host: '[::1]:3000' })).toBe(false);
  });

  it('goes on by the cookie alone, each time with the next one', async () => {
    const first = await signIn(alice.username);
    const second = await post('refresh', { cookie: `other=1; ${pairOf(first)}` });
    expect([second.status, bodyOf(second).refresh_token]).toEqual([200, undefined]);
    expect(pairOf(second)).not.toBe(pairOf(first));
    expect(await isSignedIn(bodyOf(second).access_token)).toBe(true);
    const third = await post('refresh', { cookie: pairOf(second) }, {});
    expect(third.status).toBe(200);
    expect((await post('refresh', { cookie: pairOf(third) }, { refresh_token: null })).status).toBe(200);
  });

  it('has the leeway of ten seconds: two tabs get the same next cookie, a late one ends the session', async () => {
    const first = await signIn(alice.username);
    const tabs = await Promise.all(
      Array.from({ length: 6 }, () => post('refresh', { cookie: pairOf(first) })),
    );
    expect(new Set(tabs.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(tabs.map(pairOf)).size).toBe(1);
    const { access_token } = bodyOf(tabs[0]);
    await age(access_token, 8);
    expect(pairOf(await post('refresh', { cookie: pairOf(first) }))).toBe(pairOf(tabs[0]));
    await age(access_token, 3);
    expect((await post('refresh', { cookie: pairOf(first) })).status).toBe(401);
    expect((await post('refresh', { cookie: pairOf(tabs[0]) })).status).toBe(401);
    expect(await isSignedIn(access_token)).toBe(false);
  });

  it('ends by the cookie alone, which goes with it', async () => {
    const signedIn = await signIn(alice.username);
    const before = await sessionsOf(alice);
    const out = await post('logout', { cookie: pairOf(signedIn) });
    expect(out.status).toBe(204);
    expect(cookieOf(out)).toMatchObject({ value: '' });
    expect(cookieOf(out)?.attributes).toEqual(
      expect.arrayContaining([
        'Path=/api/v1/auth',
        'HttpOnly',
        'SameSite=Strict',
        expect.stringMatching('1970'),
      ]),
    );
    expect(await isSignedIn(bodyOf(signedIn).access_token)).toBe(false);
    expect(await sessionsOf(alice)).toBe(before - 1);
    expect((await post('logout', { cookie: pairOf(signedIn) })).status).toBe(401);
    expect((await post('refresh', { cookie: pairOf(signedIn) })).status).toBe(401);
  });

  it('ends by the access token as before; a spent cookie of the session will do, too', async () => {
    const one = await signIn(alice.username);
    const authorization = `Bearer ${bodyOf(one).access_token}`;
    const out = await post('logout', { authorization, cookie: pairOf(one) });
    expect([out.status, cookieOf(out)?.value]).toEqual([204, '']);
    const two = await signIn(alice.username);
    const renewed = await post('refresh', { cookie: pairOf(two) });
    expect((await post('logout', { cookie: pairOf(two) })).status).toBe(204);
    expect(await isSignedIn(bodyOf(renewed).access_token)).toBe(false);
    const three = bodyOf(await post('token', {}, { username: alice.username, password: PASSWORD }));
    const without = await post('logout', { authorization: `Bearer ${three.access_token}` });
    expect([without.status, cookieOf(without)]).toEqual([204, undefined]);
  });

  it('opens nothing else', async () => {
    const cookie = pairOf(await signIn(alice.username));
    for (const path of ['auth/me', 'conversations', 'users', `users/${alice.id}`])
      expect(
        (await call(t.url, { method: 'GET', path: `/api/v1/${path}`, headers: { cookie } })).status,
      ).toBe(401);
    for (const path of ['stream-ticket', 'password', 'reauthenticate'])
      expect((await post(path, { cookie }, {})).status).toBe(401);
    const authorization = 'Bearer nonsense';
    expect((await post('logout', { cookie, authorization })).status).toBe(401);
  });
});

describe('a page of a foreign origin', () => {
  const FOREIGN: Headers[] = [
    { origin: 'https://evil.example.com' },
    { origin: 'null' },
    { origin: `${ALLOWED}:444` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://chat.example.com.evil.org', 'sec-fetch-site': 'cross-site' },
  ];

  it.each(FOREIGN)('neither signs in nor goes on nor signs out: %j', async (headers) => {
    const cookie = pairOf(await signIn(alice.username));
    for (const attempt of [
      await signIn(alice.username, headers),
      await post('refresh', { ...headers, cookie }),
      await post('logout', { ...headers, cookie }),
    ]) {
      expect([attempt.status, bodyOf(attempt).code]).toEqual([403, 'origin_not_allowed']);
      expect(cookieOf(attempt)).toBeUndefined();
    }
    // Nothing was spent.
    expect((await post('refresh', { cookie })).status).toBe(200);
  });

  it.each([
    { origin: ALLOWED, 'sec-fetch-site': 'same-site' },
    { origin: PUBLIC },
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
  ] as Headers[])('is not one that is named or our own: %j', async (headers) => {
    const signedIn = await signIn(alice.username, headers);
    const renewed = await post('refresh', { ...headers, cookie: pairOf(signedIn) });
    expect(renewed.status).toBe(200);
    expect((await post('logout', { ...headers, cookie: pairOf(renewed) })).status).toBe(204);
  });

  it('may sign in without a cookie, as programs do', async () => {
    const headers = { origin: 'https://evil.example.com' };
    const pair = bodyOf(await post('token', headers, { username: alice.username, password: PASSWORD }));
    const renewed = await post('refresh', headers, { refresh_token: pair.refresh_token });
    expect([renewed.status, cookieOf(renewed)]).toEqual([200, undefined]);
    expect(bodyOf(renewed).refresh_token).toMatch(/^prt_/);
  });
});

describe('what is no cookie of ours', () => {
  it('is answered 401 and sets nothing', async () => {
    const good = pairOf(await signIn(alice.username));
    for (const cookie of [
      'parley_refresh=',
      'parley_refresh=nonsense',
      `parley_refresh=${'x'.repeat(3000)}`,
      `Parley_Refresh=${good.split('=')[1]}`,
      'other=1',
      ';;;=;',
      // One of them was planted.
      `${good}; parley_refresh=nonsense`,
      `${good}; ${good}`,
    ]) {
      const answer = await post('refresh', { cookie });
      expect([cookie, answer.status, bodyOf(answer).code]).toEqual([cookie, 401, 'invalid_refresh_token']);
      expect(cookieOf(answer)).toBeUndefined();
      expect((await post('logout', { cookie })).status).toBe(401);
    }
    expect((await post('refresh')).status).toBe(401);
    expect((await post('refresh', {}, {})).status).toBe(401);
    expect((await post('refresh', {}, { refresh_token: 5 })).status).toBe(400);
    expect(
      (await post('token?cookie=yes', {}, { username: alice.username, password: PASSWORD })).status,
    ).toBe(400);
    expect((await post('refresh', { cookie: good })).status).toBe(200);
  });

  it('is a body instead: it wins, and the answer is as without a cookie', async () => {
    const cookie = pairOf(await signIn(alice.username));
    const answer = await post('refresh', { cookie }, { refresh_token: alice.refresh });
    expect([answer.status, cookieOf(answer)]).toEqual([200, undefined]);
    expect(bodyOf(answer).refresh_token).toMatch(/^prt_/);
    expect((await post('refresh', { cookie })).status).toBe(200);
  });
});

describe('where every page may call', () => {
  const open = useChatApp({ ...ENV, CORS_ORIGINS: '*' });

  it('only our own may use the cookie', async () => {
    const person = await signUp(open.url, open.user('open'));
    const send = (headers: Headers) =>
      call(open.url, {
        method: 'POST',
        path: '/api/v1/auth/token?cookie=true',
        headers,
        body: { username: person.username, password: PASSWORD },
      });
    expect((await send({ origin: 'https://evil.example.com' })).status).toBe(403);
    expect((await send({ origin: open.url })).status).toBe(200);
  });
});

describe('where others know the users', () => {
  const header = useChatApp();

  it('the cookie means nothing', async () => {
    const send = (path: string) =>
      call(header.url, {
        method: 'POST',
        path: `/api/v1/auth/${path}`,
        headers: { cookie: 'parley_refresh=x' },
      });
    expect((await send('logout')).status).toBe(401);
    expect((await send('refresh')).status).toBe(404);
  });
});
