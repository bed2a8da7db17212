import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { bearer, PASSWORD, type Person, signUp } from '../../support/accounts';
import { useChatApp } from '../../support/use-chat-app';

const ATTEMPTS = 1_000;
/** As many as a patient guesser has on the way at a time; more would only find the queue of the hashes full. */
const AT_ONCE = 10;

interface Attempt {
  username: string;
  address: string;
}

let owner: Person;

const t = useChatApp(
  { AUTH_MODE: 'token', TRUSTED_PROXIES: '127.0.0.1' },
  { own: 'counts failed logins of an address' },
);
beforeEach(async () => {
  await t.app.get(DataSource).query('DELETE FROM login_attempts');
});

function attempt({ username, address }: Attempt, password: string) {
  return bearer(t.url).post('/auth/token', { username, password }, { 'x-forwarded-for': address });
}

/** How many passwords were looked at, and how long the others had to wait. */
async function guess(attemptOf: (index: number) => Attempt): Promise<{ tried: number; waits: number[] }> {
  const found = { tried: 0, waits: [] as number[] };
  for (let first = 0; first < ATTEMPTS; first += AT_ONCE) {
    const indexes = Array.from({ length: AT_ONCE }, (_, i) => first + i);
    const answers = await Promise.all(indexes.map((i) => attempt(attemptOf(i), `wrong password ${i}`)));
    for (const { status, headers, body } of answers) {
      if (status === 401) found.tried += 1;
      else {
        expect([status, body.code]).toEqual([429, 'too_many_attempts']);
        found.waits.push(Number(headers.get('retry-after')));
      }
    }
  }
  expect(found.tried + found.waits.length).toBe(ATTEMPTS);
  return found;
}

const ipv4 = (i: number) => `203.${Math.floor(i / 250)}.113.${i % 250}`;

describe('a thousand wrong passwords', () => {
  it('from one address for one account: ten are looked at, and then one per wait', async () => {
    owner = await signUp(t.url, 'owner1');
    const { tried, waits } = await guess(() => ({ username: 'owner1', address: '203.0.113.9' }));
    expect(tried).toBeGreaterThanOrEqual(10);
    expect(tried).toBeLessThan(20);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...waits)).toBeGreaterThanOrEqual(2);
    expect((await attempt({ username: 'owner1', address: '198.51.100.1' }, PASSWORD)).status).toBe(200);
  }, 120_000);

  it('from one address for a thousand accounts: fifty are looked at, and then one per wait', async () => {
    await signUp(t.url, 'owner2');
    const { tried, waits } = await guess((i) => ({ username: `nobody${i}`, address: '203.0.113.9' }));
    expect(tried).toBeGreaterThanOrEqual(50);
    expect(tried).toBeLessThan(65);
    expect(Math.max(...waits)).toBeLessThanOrEqual(60);
    expect((await attempt({ username: 'owner2', address: '198.51.100.1' }, PASSWORD)).status).toBe(200);
  }, 120_000);

  it('from a thousand addresses for one account: a hundred are looked at, and its owner waits seconds', async () => {
    owner = await signUp(t.url, 'owner3');
    const home = { username: 'owner3', address: '198.51.100.77' };
    expect((await attempt(home, PASSWORD)).status).toBe(200);
    const { tried, waits } = await guess((i) => ({ username: 'owner3', address: ipv4(i) }));
    expect(tried).toBeGreaterThanOrEqual(100);
    expect(tried).toBeLessThan(130);
    expect(Math.max(...waits)).toBeLessThanOrEqual(10);
    // It is being attacked at this moment: from elsewhere its owner waits, from where they are known not, nor does whoever is logged in.
    const more = (i: number) =>
      attempt({ username: 'owner3', address: ipv4(ATTEMPTS + i) }, 'wrong password');
    for (let i = 0; i < 400 && (await more(i)).status === 401; i += 1);
    expect((await attempt({ username: 'owner3', address: '198.51.100.1' }, PASSWORD)).status).toBe(429);
    expect((await attempt(home, PASSWORD)).status).toBe(200);
    expect((await owner.api.get('/auth/me')).status).toBe(200);
    const body = { refresh_token: owner.refresh };
    expect((await bearer(t.url).post('/auth/refresh', body)).status).toBe(200);
    const statuses: number[] = [];
    for (const end = Date.now() + 11_000; Date.now() < end && statuses.at(-1) !== 200; await sleep(200))
      statuses.push((await attempt({ username: 'owner3', address: '198.51.100.1' }, PASSWORD)).status);
    expect(statuses.at(-1)).toBe(200);
  }, 120_000);

  it('is waited for twice as long each time, and never for more than a quarter of an hour', async () => {
    const waits: number[] = [];
    for (let i = 0; i < 30; i += 1) {
      const { status, headers } = await attempt({ username: 'nobody', address: '203.0.113.9' }, 'wrong');
      if (status === 429) {
        waits.push(Number(headers.get('retry-after')));
        // As if it had been waited for.
        await t.app.get(DataSource).query('UPDATE login_attempts SET blocked_until = now()');
      }
    }
    expect(waits.slice(0, 9)).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512]);
    expect(waits.at(-1)).toBe(900);
  }, 60_000);
});
