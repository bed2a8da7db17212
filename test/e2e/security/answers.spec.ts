import { fillPath, nameOf, routeNamed, routesOf } from '../../support/app-routes';
import { as, CASES, idsOf, isStreamRoute, requestOf } from '../../support/authorisation-matrix';
import { PUBLIC_ROUTES, ROUTES } from '../../support/authorisation-matrix-rows';
import { newPerson, sender, type Belongings } from '../../support/belongings';
import { createTestApp } from '../../support/create-test-app';
import { databaseFingerprint } from '../../support/database-fingerprint';
import { call, type Answer, type Call } from '../../support/http-call';
import { useChatApp } from '../../support/use-chat-app';

const ORIGIN = 'https://chat.example';
const FOREIGN_ORIGINS = [
  'https://evil.example',
  'null',
  'https://evil-chat.example',
  'https://chat.example.evil',
  'http://chat.example',
  '*',
  ORIGIN.toUpperCase(),
];
const SOME_ID = '0193a1c2-7d3e-7000-8000-000000000000';
const ALL_ROUTES = [...Object.keys(PUBLIC_ROUTES), ...Object.keys(ROUTES)];
const isPage = (route: string) => /\/(docs|redoc)/.test(route);

let alice: Belongings;
let send: (request: Call) => Promise<Answer>;

const t = useChatApp(
  { CORS_ORIGINS: ORIGIN, PAGE: 'off' },
  { own: 'compares the answers of everything that the service has' },
);
beforeAll(async () => {
  send = sender(t);
  alice = await newPerson(send);
});

function plainRequest(route: string): Call {
  const { method, path } = routeNamed(route);
  return { method, path: fillPath(path, { id: SOME_ID, conversation_id: SOME_ID, token: SOME_ID }) };
}

function expectSecure({ headers, status }: Answer, route: string): void {
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'SAMEORIGIN',
    'referrer-policy': 'no-referrer',
    'strict-transport-security': expect.stringContaining('max-age='),
    'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
    'x-request-id': expect.stringMatching(/^req_[0-9a-f]{16}$/),
  });
  expect(headers['content-security-policy']).not.toMatch(
    /unsafe-eval|script-src[^;]*(unsafe-inline|\*|http)/,
  );
  expect(headers['x-powered-by']).toBeUndefined();
  expect(headers.server).toBeUndefined();
  // A stream is not to be stored either; pages hold nothing of anybody.
  if (!isPage(route) || status >= 400) expect(headers['cache-control']).toContain('no-store');
}

it('there is no other route', () => {
  expect(routesOf(t.app).map(nameOf).sort()).toEqual([...ALL_ROUTES].sort());
});

describe('headers', () => {
  it.each(ALL_ROUTES)('protect whatever is answered by %s', async (route) => {
    const { path, method } = plainRequest(route);
    const attempts: Call[] = [
      { method, path },
      as('somebody', { method, path }),
      as('not a user', { method, path }),
      as('somebody', { method, path, ...(method !== 'GET' && { body: '{"a":' }) }),
      as('somebody', {
        method,
        path,
        headers: { 'content-type': 'text/plain' },
        ...(method !== 'GET' && { body: 'x' }),
      }),
      as('somebody', { method: 'TRACE', path }),
      as('somebody', { method: 'OPTIONS', path }),
      as('somebody', { method: 'PROPFIND', path }),
      as('somebody', { method, path: `${path}?a=%00` }),
      as('somebody', { method, path: `${path}/more/than/there/is` }),
    ];
    for (const request of attempts) expectSecure(await send({ ...request, quietMs: 10 }), route);
  });

  it.each(CASES.filter(({ owner }) => owner < 300).map((each) => [each.route, each] as const))(
    'protect what %s gives its owner',
    async (route, each) => {
      const person = /^DELETE|\/delete$/.test(route) ? await newPerson(send) : alice;
      const request = as(person.user, requestOf(each, await idsOf(person, each, send)));
      const answer = await send({ ...request, quietMs: 30 });
      expect(answer.status).toBe(each.owner);
      expectSecure(answer, route);
      if (isStreamRoute(each)) expect(answer.headers).toMatchObject({ 'x-accel-buffering': 'no' });
    },
  );
});

describe('methods', () => {
  it.each(ALL_ROUTES)('other than those of %s reach no handler', async (route) => {
    const { path } = plainRequest(route);
    const known = ALL_ROUTES.map(plainRequest).flatMap((each) => (each.path === path ? [each.method] : []));
    // A word of a path can be the key of a conversation.
    const reached = new Set(
      ALL_ROUTES.map((each) => each.split(' ')).flatMap(([method, pattern]) =>
        new RegExp(`^${pattern.replaceAll(/:\w+/g, '[^/]+')}$`).test(path) ? [method] : [],
      ),
    );
    const before = await databaseFingerprint(t);
    for (const method of [
      'GET',
      'POST',
      'PUT',
      'PATCH',
      'DELETE',
      'TRACE',
      'PROPFIND',
      'LINK',
      'PURGE',
      'QUERY',
      'SEARCH',
    ].filter((each) => !reached.has(each))) {
      const { status, headers } = await send(as(alice.user, { method, path }));
      expect([method, status]).toEqual([method, 405]);
      expect(headers.allow?.split(', ')).toEqual(expect.arrayContaining(known));
    }
    for (const headers of [
      { 'x-http-method-override': 'DELETE' },
      { 'x-method-override': 'DELETE' },
      { 'x-http-method': 'DELETE' },
    ] as Record<string, string>[]) {
      await send(as(alice.user, { method: 'GET', path, headers, query: { _method: 'DELETE' }, quietMs: 10 }));
    }
    expect(await databaseFingerprint(t)).toEqual(before);
  });
});

describe('CORS', () => {
  it.each(ALL_ROUTES)('of %s allows the listed origin and no other', async (route) => {
    const request = plainRequest(route);
    const preflight = (origin: string) =>
      send({
        ...request,
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': request.method,
          'access-control-request-headers': 'x-user-id,content-type',
        },
      });
    const allowed = await preflight(ORIGIN);
    expect([allowed.status, allowed.text]).toEqual([204, '']);
    expect(allowed.headers['access-control-allow-origin']).toBe(ORIGIN);
    expect(allowed.headers['access-control-allow-methods']).toContain(request.method);
    for (const user of ['', 'somebody']) {
      const headers: Record<string, string> = { origin: ORIGIN, ...(user && { 'x-user-id': user }) };
      const answer = await send({ ...request, headers, quietMs: 10 });
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': ORIGIN,
        vary: expect.stringContaining('Origin'),
      });
    }
    for (const origin of FOREIGN_ORIGINS) {
      for (const answer of [
        await preflight(origin),
        await send({ ...as('somebody', request), headers: { origin }, quietMs: 10 }),
      ]) {
        expect(answer.headers['access-control-allow-origin']).toBeUndefined();
        expect(answer.headers.vary).toContain('Origin');
      }
    }
  });
});

describe('what is not there', () => {
  it.each([
    '/.env',
    '/.git/config',
    '/.git/HEAD',
    '/package.json',
    '/package-lock.json',
    '/docker-compose.yml',
    '/dist/src/main.js',
    '/dist/src/main.js.map',
    '/src/main.ts',
    '/data',
    '/uploads/',
    '/metrics',
    '/debug',
    '/admin',
    '/api/v1/health/../../.env',
    '/api/v1/docs/..%2f..%2f..%2f..%2fpackage.json',
    '/api/v1/docs/%2e%2e/%2e%2e/%2e%2e/package.json',
    '/api/v1/docs/....//....//package.json',
    '/api/v1/docs/package.json',
    '/api/v1/docs/README.md',
    '/api/v1/docs/absolute-path.js',
    '/api/v1/docs/index.js',
    '/api/v1/docs/swagger-ui.js.map',
    '/api/v1/docs/swagger-ui-bundle.js.map',
    '/api/v1/redoc/..%2fpackage.json',
    '/api/v1/redoc/redoc.standalone.js.map',
    '/api/v1/docs-json',
    '/api/v1/docs-yaml',
    '/__nest',
    '/graphql',
    '//api/v1/models',
    '/API/V1/%6dodels/',
  ])('%s', async (path) => {
    const { status, body } = await call(t.url, { method: 'GET', path });
    // Another spelling of a route may be the route, but then it is as closed as that.
    expect([401, 404]).toContain(status);
    expect(['unauthenticated', 'route_not_found']).toContain((body as { code: string }).code);
  });

  it('in production: documentation and open identities', async () => {
    const production = { NODE_ENV: 'production', AUTH_PROXY_SECRET: 'a-secret-of-the-gateway' };
    const other = await createTestApp({ env: production });
    try {
      for (const path of ['/api/v1/docs', '/api/v1/redoc', '/api/v1/openapi.json', '/api/v1/redoc/init.js']) {
        expect((await call(other.url, { method: 'GET', path })).status).toBe(404);
      }
      expect((await call(other.url, as('somebody', { method: 'GET', path: '/api/v1/models' }))).status).toBe(
        401,
      );
    } finally {
      await other.close();
    }
    await expect(createTestApp({ env: { NODE_ENV: 'production' } })).rejects.toThrow('AUTH_PROXY_SECRET');
    await expect(createTestApp({ env: { ...production, CORS_ORIGINS: '*' } })).rejects.toThrow(
      'CORS_ORIGINS',
    );
  });
});

describe('documents', () => {
  it('hold no secret, address or version of what is inside', async () => {
    for (const path of [
      '/api/v1/openapi.json',
      '/health/ready',
      '/health/live',
      '/api/v1/docs',
      '/api/v1/redoc',
    ]) {
      const { text } = await call(t.url, { method: 'GET', path });
      expect(text).not.toMatch(
        /postgres|pglite|typeorm|nestjs|express|node\/|127\.0\.0\.1|test-key|\/home\/|\/root\//i,
      );
    }
  });
});
