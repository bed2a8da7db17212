import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { bearer, logIn, PASSWORD, signUp, type Tokens } from '../../support/accounts';
import { createTestApp, type TestApp } from '../../support/create-test-app';

/*
 * Somebody in the same network who uses up whatever is counted there.
 */

const OFFICE = '203.0.113.9';
const HOME = '198.51.100.7';

let t: TestApp;
async function start(env: NodeJS.ProcessEnv = {}): Promise<void> {
  t = await createTestApp({ env: { AUTH_MODE: 'token', TRUSTED_PROXIES: '127.0.0.1', ...env } });
}
afterEach(() => t.close());

const from = (address: string | undefined): Record<string, string> =>
  address ? { 'x-forwarded-for': address } : {};
const attempt = (username: string, password: string, address?: string) =>
  bearer(t.url).post<{ code: string }>('/auth/token', { username, password }, from(address));

/** An account whose owner has logged in from the office. */
async function known(name: string, address: string | undefined = OFFICE): Promise<void> {
  await signUp(t.url, name);
  expect((await attempt(name, PASSWORD, address)).status).toBe(200);
}

/** Guesses at names that do not exist, until the work is done. */
async function whileGuessing(address: string | undefined, work: () => Promise<void>): Promise<void> {
  for (let i = 0; i < 75; i += 1) await attempt(`nobody${i}`, 'wrong wrong', address);
  const done = new AbortController();
  const guessing = (async () => {
    for (let i = 75; !done.signal.aborted; i += 1) {
      await attempt(`nobody${i}`, 'wrong wrong', address);
      await sleep(250);
    }
  })();
  try {
    await work();
  } finally {
    done.abort();
    await guessing;
  }
}

describe.each<[string, NodeJS.ProcessEnv, string | undefined]>([
  ['the limit of wrong attempts', {}, OFFICE],
  ['the limit of requests as well', { RATE_LIMITS: 'on', RATE_LIMIT_LOGIN: '60' }, OFFICE],
  // Then everybody is in one network, that of nobody.
  ['the limit of wrong attempts behind a silent proxy', {}, undefined],
])('%s, used up by guesses at other names', (_what, env, address) => {
  it('keeps nobody out who is known there, and slows whoever is not', async () => {
    await start(env);
    await known('innocent', address);
    await signUp(t.url, 'stranger');
    await whileGuessing(address, async () => {
      if (address) expect((await attempt('stranger', PASSWORD, address)).status).toBe(429);
      for (let tries = 0; tries < 2; tries += 1) {
        expect((await attempt('innocent', PASSWORD, address)).status).toBe(200);
        await sleep(5_000);
      }
      if (address) expect((await attempt('stranger', PASSWORD, HOME)).status).toBe(200);
    });
  }, 120_000);
});

it('guesses at that very name leave its owner an attempt within twenty seconds, and the guesser no more', async () => {
  await start();
  await known('target');
  const waits: number[] = [];
  let tried = 0;
  for (let i = 0; i < 40; i += 1) {
    const { status, headers } = await attempt('target', `wrong ${i}`, OFFICE);
    if (status === 401) tried += 1;
    else waits.push(Number(headers.get('retry-after')));
    // As if it had been waited for.
    if (status === 429) await t.app.get(DataSource).query('UPDATE login_attempts SET blocked_until = now()');
  }
  // Ten, and one for each wait.
  expect(tried - waits.length).toBeGreaterThanOrEqual(9);
  expect(tried - waits.length).toBeLessThanOrEqual(10);
  expect([waits.slice(0, 4), Math.max(...waits)]).toEqual([[2, 4, 8, 16], 20]);
  await attempt('target', 'wrong wrong', OFFICE);
  const refused = await attempt('target', PASSWORD, OFFICE);
  expect([refused.status, refused.body.code]).toEqual([429, 'too_many_attempts']);
  expect((await attempt('target', PASSWORD, HOME)).status).toBe(200);
  await t.app
    .get(DataSource)
    .query(`UPDATE login_attempts SET blocked_until = blocked_until - interval '20 seconds'`);
  expect((await attempt('target', PASSWORD, OFFICE)).status).toBe(200);
}, 60_000);

it('beyond the limit of requests, who is known has three attempts and then one each twenty seconds, right ones as well', async () => {
  await start({ RATE_LIMITS: 'on', RATE_LIMIT_LOGIN: '5' });
  await known('frequent');
  for (let i = 0; i < 5; i += 1) await attempt(`nobody${i}`, 'wrong wrong', OFFICE);
  expect((await attempt('nobody', 'wrong wrong', OFFICE)).body.code).toBe('rate_limited');
  const answers = [];
  for (let i = 0; i < 5; i += 1) answers.push(await attempt('frequent', PASSWORD, OFFICE));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
  const wait = Number(answers.at(-1)?.headers.get('retry-after'));
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(20);
}, 60_000);

it('is not freed by logging in: that takes back no more than it counted', async () => {
  await start();
  await known('insider');
  for (let i = 0; i < 55; i += 1) await attempt(`nobody${i}`, 'wrong wrong', OFFICE);
  const waits = () =>
    t.app
      .get(DataSource)
      .query<{ n: number }[]>('SELECT count(*)::int AS n FROM login_attempts WHERE blocked_until > now()');
  const [before] = await waits();
  expect(before.n).toBeGreaterThan(0);
  expect((await attempt('insider', PASSWORD, OFFICE)).status).toBe(200);
  expect(await waits()).toEqual([before]);
}, 60_000);

it('whoever is logged in refreshes, and changes the password, whatever is used up', async () => {
  await start({ RATE_LIMITS: 'on', RATE_LIMIT_LOGIN: '20' });
  const { body } = await (async () => {
    await signUp(t.url, 'member');
    return bearer(t.url).post<Tokens>(
      '/auth/token',
      { username: 'member', password: PASSWORD },
      from(OFFICE),
    );
  })();
  await whileGuessing(OFFICE, async () => {
    const refreshed = await bearer(t.url).post<Tokens>(
      '/auth/refresh',
      { refresh_token: body.refresh_token },
      from(OFFICE),
    );
    expect(refreshed.status).toBe(200);
    const api = bearer(t.url, refreshed.body.access_token);
    const given = { current_password: PASSWORD };
    expect((await api.post('/auth/reauthenticate', given, from(OFFICE))).status).toBe(204);
    const passwords = { ...given, new_password: 'another good one' };
    expect((await api.post('/auth/password', passwords, from(OFFICE))).status).toBe(204);
    // What anybody can do who is nobody yet is refused.
    const register = { username: 'newcomer', email: 'newcomer@example.com', password: PASSWORD };
    expect((await bearer(t.url).post('/auth/register', register, from(OFFICE))).status).toBe(429);
  });
  expect((await logIn(t.url, 'member', 'another good one')).token_type).toBe('bearer');
}, 120_000);

it('giving the password is limited per identity', async () => {
  await start({ RATE_LIMITS: 'on', RATE_LIMIT_LOGIN: '6' });
  const person = await signUp(t.url, 'eager');
  const answers = [];
  for (let i = 0; i < 9; i += 1)
    answers.push((await person.api.post('/auth/reauthenticate', { current_password: PASSWORD })).status);
  expect(answers).toEqual([...Array<number>(6).fill(204), 429, 429, 429]);
});
