import { createTestApp, type TestApp } from '../../support/create-test-app';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';
import { sendRaw, type RawAnswer } from '../../support/raw-http';
import { handshake } from '../../support/socket-client';

/*
 * DNS rebinding: a page at evil.example whose name comes to resolve to 127.0.0.1 is, to the browser, of the same origin as the service.
 */

const SECRET = 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8s';
const LOCAL = [
  'localhost',
  'LOCALHOST:3000',
  '127.0.0.1',
  '127.0.0.1:80',
  '[::1]',
  '[::1]:3000',
  'localhost:',
];
const FOREIGN = [
  'evil.example',
  'evil.example:3000',
  'localhost.evil.example',
  'evil.example#localhost',
  'localhost@evil.example',
  '127.0.0.1.evil.example',
  '127.0.0.1:3000.evil.example',
  '[::1',
  '[::1].evil.example',
  '::1',
  '0.0.0.0',
  '127.0.0.2',
  '10.0.0.1',
  '2130706433',
];

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

async function withApp(env: NodeJS.ProcessEnv, work: (t: TestApp) => Promise<void>): Promise<void> {
  const t = await createTestApp({ env, database });
  try {
    await work(t);
  } finally {
    await t.close();
  }
}

const get = (t: TestApp, host: string, path = '/api/v1/models', more = '') =>
  sendRaw(
    t.url,
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX-User-ID: alice\r\n${more}Connection: close\r\n\r\n`,
  );
const upgrade = (t: TestApp, Host: string) =>
  sendRaw(t.url, handshake({ Host, 'X-User-ID': 'alice', Origin: `http://${Host}` }));

function expectRefused(host: string, { status, body, headers }: RawAnswer): void {
  const { code } = JSON.parse(body) as { code: string };
  expect({ host, status, code, type: headers['content-type'] }).toEqual({
    host,
    status: 400,
    code: 'host_not_allowed',
    type: 'application/problem+json',
  });
  expect(headers['access-control-allow-origin']).toBeUndefined();
}

it('without anything else between a page and a user, names that are not ours are refused', () =>
  withApp({}, async (t) => {
    for (const host of LOCAL) expect([host, (await get(t, host)).status]).toEqual([host, 200]);
    for (const host of FOREIGN) {
      expectRefused(host, await get(t, host));
      expectRefused(host, await get(t, host, `/api/v1/chat/${crypto.randomUUID()}/stream?user_id=alice`));
      expectRefused(host, await get(t, host, '/api/v1/openapi.json'));
      const preflight = await sendRaw(
        t.url,
        `OPTIONS /api/v1/chat HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
      expectRefused(host, preflight);
    }
  }));

it('nor do they open sockets', () =>
  withApp({}, async (t) => {
    for (const host of ['localhost:3000', '127.0.0.1']) expect((await upgrade(t, host)).status).toBe(101);
    for (const host of FOREIGN) expectRefused(host, await upgrade(t, host));
  }));

it('programs that send no name are served: no browser is one of them', () =>
  withApp({}, async (t) => {
    const { status } = await sendRaw(t.url, 'GET /health/live HTTP/1.0\r\n\r\n');
    expect(status).toBe(200);
  }));

it('a name that the service was told to have is its own', async () => {
  await withApp({ HOST: '127.0.0.2' }, async (t) => {
    expect((await get(t, '127.0.0.2:3000')).status).toBe(200);
    expectRefused('127.0.0.3', await get(t, '127.0.0.3'));
  });
  await withApp({ HOST: '::1' }, async (t) => expect((await get(t, '[::1]')).status).toBe(200));
});

it.each([
  ['a secret', { AUTH_PROXY_SECRET: SECRET }, `X-Proxy-Secret: ${SECRET}\r\n`],
  ['addresses of gateways', { AUTH_TRUSTED_PROXIES: '127.0.0.1' }, ''],
  ['another address than loopback', { HOST: '0.0.0.0' }, ''],
])('any name is, where the user is safe by %s', (_by, env, more) =>
  withApp(env, async (t) => expect((await get(t, 'chat.example.com', undefined, more)).status).toBe(200)),
);

it.each([
  ['beside a gateway on the same machine', { AUTH_TRUSTED_PROXIES: '127.0.0.1' }],
  ['with tokens', { AUTH_MODE: 'token' }],
])('names that are given are the only ones, %s', (_where, env) =>
  withApp({ ...env, ALLOWED_HOSTS: 'Chat.Example.com, [::1]' }, async (t) => {
    for (const host of ['chat.example.com', 'CHAT.example.com:8080', '[::1]:3000'])
      expect((await get(t, host, '/api/v1/openapi.json')).status).toBe(200);
    for (const host of ['localhost', '127.0.0.1:3000', 'evil.example', 'x.chat.example.com'])
      expectRefused(host, await get(t, host, '/api/v1/openapi.json'));
  }),
);

it('health checks are answered under every name and address, and nothing else is by looking like one', () =>
  withApp({ ALLOWED_HOSTS: 'chat.example.com' }, async (t) => {
    for (const path of ['/health', '/health/live', '/health/ready?probe=1', '/api/v1/health/ready'])
      expect([path, (await get(t, '10.1.2.3:3000', path)).status]).toEqual([path, 200]);
    for (const path of [
      '/health/../api/v1/models',
      '/health%2flive',
      '/healthy',
      '/api/v1/models?/health',
      '//health',
    ])
      expectRefused(path, await get(t, '10.1.2.3:3000', path));
    const twice =
      'GET /health HTTP/1.1\r\nHost: a.example\r\nHost: chat.example.com\r\nConnection: close\r\n\r\n';
    expect((await sendRaw(t.url, twice)).status).toBe(400);
  }));

it('any name is, where users have tokens', () =>
  withApp({ AUTH_MODE: 'token' }, async (t) => {
    expect((await get(t, 'chat.example.com')).status).toBe(401);
    expect((await get(t, 'chat.example.com', '/health/live')).status).toBe(200);
  }));
