import { networkOf } from '../../../src/http/client-address';
import { LocalRateLimits } from '../../../src/limits/local-rate-limits';
import { RateLimiter } from '../../../src/limits/rate-limiter';
import type { RateLimitStore } from '../../../src/limits/rate-limit-store';
import { SharedRateLimits } from '../../../src/limits/shared-rate-limits';
import { SharedRateLimitsRepository } from '../../../src/limits/shared-rate-limits.repository';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { SocketClient } from '../../support/socket-client';
import { useChatApp } from '../../support/use-chat-app';

const PATH = '/api/v1/conversations';

async function withApp(env: NodeJS.ProcessEnv, work: (t: TestApp) => Promise<void>): Promise<void> {
  const t = await createTestApp({ env: { RATE_LIMITS: 'on', ...env } });
  try {
    await work(t);
  } finally {
    await t.close();
  }
}

const allowed = (answers: { status: number }[]) => answers.filter(({ status }) => status !== 429).length;

it('says what the limits are, and when to come back', () =>
  withApp({ RATE_LIMIT_IDENTITY: '3' }, async (t) => {
    const first = await t.as('alice').get(PATH);
    expect(first.headers).toMatchObject({
      'ratelimit-policy': '"address";q=3000;w=60, "identity";q=3;w=60',
      ratelimit: expect.stringMatching(/^"address";r=2999;t=60, "identity";r=2;t=60$/),
    });
    await t.as('alice').get(PATH);
    await t.as('alice').get(PATH);
    const { status, headers, body } = await t.as('alice').get(PATH);
    expect([status, body.code]).toEqual([429, 'rate_limited']);
    expect(Number(headers['retry-after'])).toBeGreaterThan(50);
    expect((await t.as('bob').get(PATH)).status).toBe(200);
  }));

it('is one limit for all ways to the same thing', () =>
  withApp({ RATE_LIMIT_IDENTITY: '6' }, async (t) => {
    const alice = t.as('alice');
    const answers = [
      await alice.get(PATH),
      await alice.head(PATH),
      await alice.get(`${PATH}/`),
      await alice.get(PATH.toUpperCase()),
      await alice.get(`${PATH}?limit=1`),
      await alice.post(PATH).send({}),
      await alice.get(PATH),
      await alice.get(PATH),
      await alice.get(PATH),
    ];
    expect(answers.at(-1)?.status).toBe(429);
  }));

it('lets no more through when all come at once', () =>
  withApp({ RATE_LIMIT_IDENTITY: '50' }, async (t) => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => t.as('alice').get(PATH)));
    expect(allowed(answers)).toBe(50);
  }));

it('is not escaped by saying that one is somewhere else', () =>
  withApp({ RATE_LIMIT_ADDRESS: '10' }, async (t) => {
    const answers = [];
    for (let i = 0; i < 30; i += 1)
      answers.push(
        await t
          .as(`user${i}`)
          .get(PATH)
          .set('X-Forwarded-For', `203.0.113.${i}`)
          .set('Forwarded', `for=203.0.113.${i}`)
          .set('X-Real-IP', `203.0.113.${i}`),
      );
    expect(allowed(answers)).toBe(10);
  }));

it('knows clients behind a gateway that proves itself, for requests and for sockets', () =>
  withApp({ RATE_LIMIT_ADDRESS: '2', AUTH_PROXY_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8s' }, async (t) => {
    const proof = { 'X-Proxy-Secret': t.config.auth.proxySecret ?? '' };
    const from = (address: string, more: object = proof) =>
      t
        .as('alice')
        .get(PATH)
        .set({ 'X-Forwarded-For': address, ...more });
    for (const address of ['198.51.100.1', '198.51.100.2', '198.51.100.3'])
      for (const expected of [200, 200, 429]) expect((await from(address)).status).toBe(expected);
    const open = (address: string) =>
      SocketClient.open(t.url, { 'X-User-ID': 'alice', 'X-Forwarded-For': address, ...proof });
    await expect(open('198.51.100.1')).rejects.toMatchObject({ status: 429 });
    await (await open('198.51.100.4')).close();
    await (await open('198.51.100.4')).close();
    await expect(open('198.51.100.4')).rejects.toMatchObject({ status: 429 });
    // Whoever does not prove it is where the connection is from, whatever it says.
    const strangers = [];
    for (let i = 0; i < 4; i += 1) strangers.push((await from(`198.51.100.1${i}`, {})).status);
    expect(strangers).toEqual([401, 401, 429, 429]);
  }));

it('knows clients behind proxies that are trusted, and a whole network of IPv6 as one', () =>
  withApp({ RATE_LIMIT_ADDRESS: '2', TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8' }, async (t) => {
    const from = (forwarded: string) => t.as('alice').get(PATH).set('X-Forwarded-For', forwarded);
    for (let i = 0; i < 4; i += 1) {
      expect((await from(`1.1.1.1, 198.51.100.${i}, 10.0.0.1`)).status).toBe(200);
      const status = (await from(`2001:db8:1:2::${i}`)).status;
      expect(status).toBe(i < 2 ? 200 : 429);
    }
    // What only proxies are to be seen of is everybody.
    for (let i = 0; i < 5; i += 1) expect((await t.as('alice').get(PATH)).status).toBe(200);
  }));

it('holds for bad tokens and for logging in', () =>
  withApp({ AUTH_MODE: 'token', RATE_LIMIT_ADDRESS: '40', RATE_LIMIT_LOGIN: '5' }, async (t) => {
    const logins = [];
    for (let i = 0; i < 8; i += 1)
      logins.push(await t.request.post('/api/v1/auth/token').send({ username: `u${i}`, password: 'x' }));
    expect(allowed(logins)).toBe(5);
    const guesses = [];
    for (let i = 0; i < 50; i += 1)
      guesses.push(await t.request.get(PATH).set('Authorization', `Bearer x${i}`));
    expect(allowed(guesses)).toBe(32);
    expect((await t.request.get('/health/ready')).status).toBe(200);
  }));

it('counts replies, and not that they are followed', () =>
  withApp({ RATE_LIMIT_CHAT: '2', RATE_LIMIT_IDENTITY: '100' }, async (t) => {
    const { body } = await t.as('alice').post(PATH).send({});
    const say = () => t.as('alice').post(`/api/v1/chat/${body.id}`).send({ content: 'Hello' });
    const first = await say();
    expect([first.status, (await say()).status, (await say()).status]).toEqual([200, 200, 429]);
    for (let i = 0; i < 10; i += 1) {
      const { status, headers } = await t.as('alice').get(`/api/v1/messages/${first.body.message.id}/stream`);
      expect([status, headers.ratelimit]).toEqual([200, expect.not.stringContaining('identity')]);
    }
  }));

describe('instances that share a database', () => {
  const policy = { name: 'test', limit: 100, windowSeconds: 60 };
  const t = useChatApp({}, { own: 'uses the stores of the limits' });

  const shared = (repository: SharedRateLimitsRepository) => new SharedRateLimits(repository);

  it('let no more through together, and ask it seldom', async () => {
    const repository = t.app.get(SharedRateLimitsRepository, { strict: false });
    const stores = Array.from({ length: 4 }, () => shared(repository));
    const limiters = stores.map((store) => new RateLimiter(store));
    const lease = vi.spyOn(repository, 'lease');
    const decisions = await Promise.all(
      Array.from({ length: 400 }, (_, i) => limiters[i % 4].take(policy, 'somebody')),
    );
    const asked = lease.mock.calls.length;
    lease.mockRestore();
    expect(decisions.filter((each) => each.allowed)).toHaveLength(100);
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(20);
  });

  it('begin anew when the time is over', async () => {
    const repository = t.app.get(SharedRateLimitsRepository, { strict: false });
    const short = { ...policy, limit: 2, windowSeconds: 1 };
    const limiter = new RateLimiter(shared(repository));
    const three = async () => [
      (await limiter.take(short, 'x')).allowed,
      (await limiter.take(short, 'x')).allowed,
      (await limiter.take(short, 'x')).allowed,
    ];
    expect(await three()).toEqual([true, true, false]);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(await three()).toEqual([true, true, false]);
  });

  it('hold the limit each for itself while it is away', async () => {
    const broken = {
      lease: () => Promise.reject(new Error('away')),
    } as unknown as SharedRateLimitsRepository;
    const limiter = new RateLimiter(shared(broken));
    const decisions = await Promise.all(Array.from({ length: 300 }, () => limiter.take(policy, 'somebody')));
    expect(decisions.filter((each) => each.allowed)).toHaveLength(100);
  });
});

describe.each([['local', () => new LocalRateLimits() as RateLimitStore, undefined]])(
  '%s store',
  (_name, make) => {
    it('never hands out more than the limit', async () => {
      const store = make();
      const leases = await Promise.all(
        Array.from({ length: 30 }, () =>
          store.lease(Buffer.from('k'), { name: 'p', limit: 100, windowSeconds: 9 }, 7),
        ),
      );
      expect(leases.reduce((sum, { granted }) => sum + granted, 0)).toBe(100);
      expect(Math.min(...leases.map(({ granted }) => granted))).toBe(0);
    });
  },
);

it.each([
  ['203.0.113.9', '203.0.113.9'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('the network of %s is %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
