import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bearer, logIn, PASSWORD, signUp, type Tokens } from '../../support/accounts';
import { SpawnedService } from '../../support/spawned-service';

/*
 * A server whose clock is wrong, or has been set right: what it made itself expires by its own clock, and nothing ends that should not.
 */

const DAY_S = 86_400;
const ENV = {
  AUTH_MODE: 'token',
  JWT_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e',
  RATE_LIMITS: 'on',
  NODE_OPTIONS: `--require ${join(__dirname, '../../support/shift-clock.cjs')}`,
};

let directory: string;
/** From before the clock was changed. */
let earlier: { access: string; refresh: string };
let service: SpawnedService | undefined;

async function startAt(shiftS: number): Promise<string> {
  service = new SpawnedService(directory, { ...ENV, CLOCK_SHIFT_S: String(shiftS) });
  return service.ready();
}

async function stop(): Promise<string> {
  const ended = service;
  ended?.signal('SIGTERM');
  expect(await ended?.exit).toBe(0);
  service = undefined;
  return ended?.output ?? '';
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'parley-clock-'));
  const url = await startAt(0);
  earlier = await signUp(url, 'alice');
  expect((await bearer(url, earlier.access).get('/auth/me')).status).toBe(200);
  await stop();
}, 150_000);
afterEach(() => service?.kill());
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function expectUsable(url: string, { access_token, expires_in }: Tokens): Promise<void> {
  expect(expires_in).toBe(900);
  const api = bearer(url, access_token);
  const me = await api.get('/auth/me');
  expect(me.status).toBe(200);
  for (const [, seconds] of (me.headers.get('ratelimit') ?? '').matchAll(/t=(-?\d+)/g)) {
    expect(Number(seconds)).toBeGreaterThan(0);
    expect(Number(seconds)).toBeLessThanOrEqual(60);
  }
  const { id } = await api.conversation();
  await api.say(id, 'What time is it?');
  const feed = await bearer(url).open('GET', `/chat/${id}/stream?ticket=${await api.ticket()}`);
  expect(feed.status).toBe(200);
  feed.close();
}

function expectNoErrors(output: string): void {
  expect(output.split('\n').filter((line) => /"level":(50|60)|uncaught|RangeError/.test(line))).toEqual([]);
}

it.each([
  ['a day ahead', DAY_S],
  ['two days behind', -2 * DAY_S],
])(
  '%s: tokens follow the clock of the server',
  async (_name, shift) => {
    const url = await startAt(shift);
    // Over a day ahead; from the future two days behind.
    expect((await bearer(url, earlier.access).get('/auth/me')).status).toBe(401);
    await expectUsable(url, await logIn(url, 'alice', PASSWORD));
    const refreshed = await bearer(url).post<Tokens>('/auth/refresh', { refresh_token: earlier.refresh });
    expect(refreshed.status).toBe(200);
    earlier = { ...earlier, refresh: refreshed.body.refresh_token };
    await expectUsable(url, refreshed.body);
    expectNoErrors(await stop());
  },
  60_000,
);

it('set right again: what was made in the future is not taken before its time', async () => {
  const ahead = await startAt(DAY_S);
  const { access_token } = await logIn(ahead, 'alice');
  await stop();
  const url = await startAt(0);
  expect((await bearer(url, access_token).get('/auth/me')).status).toBe(401);
  await expectUsable(url, await logIn(url, 'alice'));
  expectNoErrors(await stop());
}, 150_000);
