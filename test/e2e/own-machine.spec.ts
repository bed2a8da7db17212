import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../../src/config/config-error';
import { parseAppConfig } from '../../src/config/environment';
import { createTestApp, type TestApp } from '../support/create-test-app';
import { SocketClient } from '../support/socket-client';

const ORIGIN = 'https://chat.example';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Exactly this path and these headers. */
function send(
  t: TestApp,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(t.url, { method, path, headers }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end();
  });
}

const ME = '/api/v1/auth/me';

describe('DEFAULT_USER_ID', () => {
  let t: TestApp;
  let named: TestApp;
  let plain: TestApp;
  beforeAll(async () => {
    [t, named, plain] = await Promise.all([
      createTestApp({ env: { DEFAULT_USER_ID: 'me' } }),
      createTestApp({
        env: { DEFAULT_USER_ID: 'me', ALLOWED_HOSTS: 'chat.internal', CORS_ORIGINS: ORIGIN },
      }),
      createTestApp(),
    ]);
  });
  afterAll(() => Promise.all([t, named, plain].map((app) => app.close())));

  const whoIs = async (app: TestApp, headers: Record<string, string> = {}) => {
    const { status, body } = await send(app, ME, headers);
    return status === 200 ? (JSON.parse(body) as { id: string }).id : status;
  };

  it('is who a request without identity is, and no other', async () => {
    expect(await whoIs(t)).toBe('me');
    expect(await whoIs(t, { 'X-User-ID': 'alice' })).toBe('alice');
    expect(await whoIs(t, { 'X-User-ID': 'not an id' })).toBe(400);
    expect(await whoIs(plain)).toBe(401);
  });

  it.each(['localhost', 'LOCALHOST:3000', '127.0.0.1', '127.0.0.1:80', '[::1]:3000'])(
    'is given to requests for %s',
    async (host) => expect(await whoIs(t, { host })).toBe('me'),
  );

  it('is given to requests for names of ALLOWED_HOSTS, and to no others', async () => {
    expect(await whoIs(named, { host: 'chat.internal:3000' })).toBe('me');
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example']) {
      expect(await whoIs(named, { host })).toBe(400);
      expect(await whoIs(t, { host })).toBe(400);
    }
  });

  it.each<Record<string, string>>([
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1' },
    { origin: 'nonsense' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'anything' },
    { 'sec-fetch-site': 'same-origin', origin: 'http://evil.example' },
    { 'sec-fetch-site': 'none', origin: 'http://localhost:1' },
  ])('is not given to pages of others: %j', async (headers) => {
    expect(await whoIs(t, headers)).toBe(401);
    expect(await whoIs(t, { ...headers, 'X-User-ID': 'alice' })).toBe('alice');
    const stream = await send(t, '/api/v1/chat/any/stream', headers);
    expect([stream.status, (JSON.parse(stream.body) as { code: string }).code]).toEqual([
      401,
      'unauthenticated',
    ]);
  });

  it('is given to pages of its own, and of CORS_ORIGINS', async () => {
    const own = t.url;
    const ownPages: Record<string, string>[] = [
      { origin: own },
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
      { origin: own, 'sec-fetch-site': 'same-origin' },
    ];
    for (const headers of ownPages) expect(await whoIs(t, headers)).toBe('me');
    const listed = { origin: ORIGIN, 'sec-fetch-site': 'cross-site', host: 'chat.internal' };
    expect(await whoIs(named, listed)).toBe('me');
    expect(await whoIs(named, { ...listed, origin: `${ORIGIN}.evil` })).toBe(401);
    expect(await whoIs(named, { host: 'chat.internal', 'sec-fetch-site': 'cross-site' })).toBe(401);
  });

  it('is who opens a socket, and what a ticket says counts before it', async () => {
    const socket = await SocketClient.open(t.url);
    await socket.close();
    const { body } = await send(t, '/api/v1/auth/stream-ticket', { 'X-User-ID': 'alice' }, 'POST');
    const { ticket } = JSON.parse(body) as { ticket: string };
    const spoken = await send(t, '/api/v1/chat', { 'content-type': 'application/json' }, 'POST');
    expect(spoken.status).toBe(400);
    const wrong = await send(
      t,
      `/api/v1/messages/${'0'.repeat(8)}-0000-7000-8000-000000000000/stream?ticket=${ticket}`,
    );
    expect(wrong.status).toBe(404);
    const spent = await send(
      t,
      `/api/v1/messages/${'0'.repeat(8)}-0000-7000-8000-000000000000/stream?ticket=${ticket}`,
    );
    expect(spent.status).toBe(401);
  });

  it.each([
    { AUTH_MODE: 'token', JWT_SECRET: 'x'.repeat(40) },
    { AUTH_MODE: 'jwks', JWT_SECRET: 'x'.repeat(40) },
    { HOST: '0.0.0.0' },
    { HOST: '10.0.0.1' },
    { NODE_ENV: 'production', AUTH_PROXY_SECRET: 'a-long-secret-of-a-gateway' },
  ])('stops the boot, and is named, with %j', (env) => {
    expect(() => parseAppConfig({ DEFAULT_USER_ID: 'me', ...env })).toThrow(
      /DEFAULT_USER_ID must not be set/,
    );
  });

  it.each(['two words', 'a,b', 'ä', 'x'.repeat(129)])('cannot be %s', (id) => {
    expect(() => parseAppConfig({ DEFAULT_USER_ID: id })).toThrow(ConfigError);
  });
});

describe('PAGE_DIR', () => {
  let dir: string;
  let outside: string;
  let t: TestApp;
  beforeAll(async () => {
    outside = await mkdtemp(join(tmpdir(), 'parley-outside-'));
    dir = await mkdtemp(join(tmpdir(), 'parley-page-'));
    await writeFile(join(outside, 'secret.txt'), 'secret');
    await writeFile(join(outside, 'index.html'), 'secret');
    await mkdir(join(dir, 'sub'));
    await mkdir(join(dir, 'linked'));
    await mkdir(join(dir, '.git'));
    await mkdir(join(dir, 'api/v1'), { recursive: true });
    await mkdir(join(dir, 'health'));
    const files = {
      'index.html': '<!doctype html><title>Mine</title>',
      'app.js': 'console.log(1)',
      'style.css': 'body {}',
      'data.json': '{}',
      'a b.txt': 'blank',
      'sub/index.html': 'sub',
      '.env': 'secret',
      '.git/config': 'secret',
      'api/v1/conversations': 'secret',
      'api/v1/index.html': 'secret',
      'health/live': 'secret',
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
    await symlink(join(outside, 'secret.txt'), join(dir, 'out.txt'));
    await symlink(outside, join(dir, 'out'));
    await symlink(join(outside, 'index.html'), join(dir, 'linked/index.html'));
    await symlink('app.js', join(dir, 'inside.js'));
    await symlink('.env', join(dir, 'shown.txt'));
    await symlink('.git', join(dir, 'shown'));
    t = await createTestApp({ env: { PAGE_DIR: dir } });
  });
  afterAll(async () => {
    await t.close();
    await Promise.all([dir, outside].map((path) => rm(path, { recursive: true })));
  });

  it.each([
    ['/', 'text/html; charset=utf-8'],
    ['/index.html?x=1', 'text/html; charset=utf-8'],
    ['/app.js', 'text/javascript; charset=utf-8'],
    ['/inside.js', 'text/javascript; charset=utf-8'],
    ['/style.css', 'text/css; charset=utf-8'],
    ['/data.json', 'application/json; charset=utf-8'],
    ['/a%20b.txt', 'text/plain; charset=utf-8'],
    ['/sub/', 'text/html; charset=utf-8'],
  ])(
    'serves %s as %s, with the headers of everything else less the policy of content',
    async (path, type) => {
      const { status, headers } = await send(t, path);
      const api = (await send(t, '/health/live')).headers;
      expect([status, headers['content-type']]).toEqual([200, type]);
      for (const name of Object.keys(api).filter((each) => /^(x-|cross-|referrer|strict|origin)/.test(each)))
        if (name !== 'x-request-id') expect([name, headers[name]]).toEqual([name, api[name]]);
      expect(headers['content-security-policy']).toBeUndefined();
      expect(headers['x-content-type-options']).toBe('nosniff');
      const head = await send(t, path, {}, 'HEAD');
      expect([head.status, head.body, head.headers['content-length']]).toEqual([
        200,
        '',
        headers['content-length'],
      ]);
    },
  );

  it.each([
    '/nothing',
    '/.env',
    '/.git/config',
    '/%2eenv',
    '/out.txt',
    '/shown.txt',
    '/shown/config',
    '/out/secret.txt',
    '/out/',
    '/linked/',
    '/linked/index.html',
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/sub/../../secret.txt',
    '/sub/%2e%2e%2f%2e%2e%2fsecret.txt',
    '/..%5csecret.txt',
    '//etc/passwd',
    '/api/v1/index.html',
    '/API/v1/index.html',
  ])('has nothing at %s', async (path) => {
    const { status, headers, body } = await send(t, path);
    expect([status, headers['content-type']]).toEqual([404, 'application/problem+json']);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(body).not.toContain('secret"');
  });

  it('leaves the API and the health checks alone', async () => {
    expect((await send(t, '/health/live')).body).toBe('{"status":"ok"}');
    expect((await send(t, '/api/v1/conversations')).status).toBe(401);
    expect((await send(t, '/api/v1')).headers['content-type']).toMatch(/^application\/json/);
    expect((await send(t, '/api/v1/docs/')).status).toBe(200);
    expect((await send(t, '/index.html', {}, 'DELETE')).status).toBe(404);
  });

  it('answers whoever has it already, and for a part of it', async () => {
    const { headers } = await send(t, '/app.js');
    const again = await send(t, '/app.js', { 'if-none-match': headers.etag ?? '' });
    expect([again.status, again.body]).toEqual([304, '']);
    const part = await send(t, '/app.js', { range: 'bytes=0-6' });
    expect([part.status, part.body, part.headers['content-range']]).toEqual([206, 'console', 'bytes 0-6/14']);
    const beyond = await send(t, '/app.js', { range: 'bytes=99-' });
    expect([beyond.status, beyond.body, beyond.headers['content-range']]).toEqual([416, '', 'bytes */14']);
    expect((await send(t, '/app.js', { 'if-match': '"other"' })).status).toBe(412);
    // Answers of the API are never of before.
    const api = await send(t, '/api/v1', { 'if-none-match': '*' });
    expect(api.status).toBe(200);
  });

  it('counts among the requests of a network', async () => {
    const limited = await createTestApp({
      env: { PAGE_DIR: dir, RATE_LIMITS: 'on', RATE_LIMIT_ADDRESS: '3' },
    });
    const answers: number[] = [];
    for (let n = 0; n < 5; n++) answers.push((await send(limited, '/app.js')).status);
    expect(answers).toEqual([200, 200, 200, 429, 429]);
    await limited.close();
  });

  it('has to be a folder', () => {
    expect(() => parseAppConfig({ PAGE_DIR: join(dir, 'nothing') })).toThrow(
      /PAGE_DIR cannot be read \(ENOENT\)/,
    );
    expect(() => parseAppConfig({ PAGE_DIR: join(dir, 'app.js') })).toThrow(/PAGE_DIR must be a folder/);
  });
});

describe('without a page', () => {
  it('/ leads to the documentation, where that is on', async () => {
    const t = await createTestApp({ env: { PAGE: 'off' } });
    const { status, headers } = await send(t, '/');
    expect([status, headers.location]).toEqual([302, '/api/v1/docs']);
    await t.close();
  });

  it('/ leads there also from a folder that has no page', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-page-'));
    await writeFile(join(folder, 'app.js'), 'app');
    const t = await createTestApp({ env: { PAGE_DIR: folder } });
    const { status, headers } = await send(t, '/');
    expect([status, headers.location, (await send(t, '/app.js')).body]).toEqual([302, '/api/v1/docs', 'app']);
    await t.close();
    await rm(folder, { recursive: true });
  });

  it('/ is nothing where it is off', async () => {
    const t = await createTestApp({ env: { API_DOCS: 'false', PAGE: 'off' } });
    expect((await send(t, '/')).status).toBe(404);
    const about = JSON.parse((await send(t, '/api/v1')).body) as { links: object };
    expect(about.links).toEqual({ health: '/health/ready', openapi: null, docs: null });
    await t.close();
  });
});

describe('GET /api/v1', () => {
  it.each([
    [{}, { auth_mode: 'header', default_user: false, registration: false }],
    [{ DEFAULT_USER_ID: 'me' }, { auth_mode: 'header', default_user: true, registration: false }],
    [{ AUTH_MODE: 'token' }, { auth_mode: 'token', default_user: false, registration: true }],
    [
      { AUTH_MODE: 'token', AUTH_REGISTRATION: 'closed' },
      { auth_mode: 'token', registration: false },
    ],
  ])('says with %j what a page must know before anybody has signed in', async (env, expected) => {
    const t = await createTestApp({ env });
    const { status, body } = await send(t, '/api/v1', { origin: 'http://evil.example' });
    const about = JSON.parse(body) as { features: string[] };
    expect(status).toBe(200);
    expect(about).toMatchObject({
      name: 'Parley',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      sharing: true,
      password_reset: false,
      ...expected,
      links: { health: '/health/ready', openapi: '/api/v1/openapi.json', docs: '/api/v1/docs' },
    });
    expect(about.features).toEqual(expect.arrayContaining(['versions', 'conversation_keys']));
    expect(body).not.toContain('"me"');
    await t.close();
  });
});
