import { createTestApp } from '../support/create-test-app';
import { ProbeModule } from '../support/probe.module';
import { useChatApp } from '../support/use-chat-app';

const OPEN = '/api/v1/probe/open';
const ME = '/api/v1/probe/me';
const ORIGIN = 'https://chat.example';

describe('CORS', () => {
  const listed = useChatApp(
    { CORS_ORIGINS: `${ORIGIN},http://localhost:5173` },
    { own: 'has routes of its own', imports: [ProbeModule] },
  );
  const anyone = useChatApp({ CORS_ORIGINS: '*' }, { own: 'has routes of its own', imports: [ProbeModule] });

  it('lets listed origins read answers, errors included', async () => {
    for (const path of [OPEN, ME, '/nothing']) {
      const { headers } = await listed.request.get(path).set('Origin', ORIGIN);
      expect(headers['access-control-allow-origin']).toBe(ORIGIN);
      expect(headers['access-control-allow-credentials']).toBe('true');
      expect(headers['access-control-expose-headers']).toBe(
        'Content-Location,ETag,RateLimit,RateLimit-Policy,Retry-After,X-Request-Id',
      );
      expect(headers.vary).toMatch(/Origin/);
    }
  });

  it('answers their preflights', async () => {
    const { status, headers } = await listed.request.options(ME).set({
      Origin: ORIGIN,
      'Access-Control-Request-Method': 'PATCH',
      'Access-Control-Request-Headers': 'x-user-id,x-proxy-secret',
    });
    expect(status).toBe(204);
    expect(headers['access-control-allow-methods']).toContain('PATCH');
    expect(headers['access-control-allow-headers']).toContain('Last-Event-ID');
    expect(headers['access-control-allow-headers']).toContain('X-User-ID');
    expect(headers['access-control-allow-headers']).not.toMatch(/proxy-secret/i);
  });

  it.each([
    'https://evil.example',
    'null',
    'https://sub.chat.example',
    'https://evil-chat.example',
    'https://chat.example.evil',
    'http://chat.example',
    `${ORIGIN}:8443`,
    `${ORIGIN}, https://evil.example`,
  ])('gives nothing to %s', async (origin) => {
    for (const send of [
      listed.request.get(OPEN),
      listed.request.options(ME).set('Access-Control-Request-Method', 'POST'),
    ]) {
      expect((await send.set('Origin', origin)).headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('never combines everyone with credentials', async () => {
    const { headers } = await anyone.request.get(OPEN).set('Origin', 'https://evil.example');
    expect(headers['access-control-allow-origin']).toBe('*');
    expect(headers['access-control-allow-credentials']).toBeUndefined();
  });
});

describe('the API documentation', () => {
  const t = useChatApp({}, { own: 'has routes of its own', imports: [ProbeModule] });

  it('is an OpenAPI 3.1 document', async () => {
    const { body, headers } = await t.request.get('/api/v1/openapi.json');
    expect(headers['content-type']).toMatch(/^application\/json/);
    expect(body.openapi).toBe('3.1.0');
    expect(body.security).toEqual([{ userId: [] }, { bearer: [] }, { account: [] }]);
    expect(body.components.securitySchemes.userId).toMatchObject({
      type: 'apiKey',
      in: 'header',
      name: 'X-User-ID',
    });
  });

  it('says which operations are public', async () => {
    const { body } = await t.request.get('/api/v1/openapi.json');
    expect(body.paths['/health/live'].get.security).toEqual([]);
    expect(body.paths['/api/v1/auth/stream-ticket'].post.security).toBeUndefined();
    expect(JSON.stringify(body)).not.toContain('x-public');
    expect(body.paths['/api/v1/health/live']).toBeUndefined();
  });

  it('has stable, unique operation ids and problems with examples', async () => {
    const { body } = await t.request.get('/api/v1/openapi.json');
    const operation = body.paths['/api/v1/auth/stream-ticket'].post;
    expect(operation.operationId).toBe('createStreamTicket');
    const problem = operation.responses['401'].content['application/problem+json'];
    expect(problem.schema).toEqual({ $ref: '#/components/schemas/Problem' });
    expect(problem.examples.unauthenticated.value).toMatchObject({ status: 401, code: 'unauthenticated' });
    expect(body.components.schemas.Problem.required).toEqual([
      'type',
      'title',
      'status',
      'code',
      'detail',
      'instance',
      'request_id',
    ]);
    const parameters = body.paths['/api/v1/probe/stream'].get.parameters.map(
      ({ name }: { name: string }) => name,
    );
    expect(parameters).toEqual(expect.arrayContaining(['ticket', 'user_id', 'limit', 'cursor']));
  });

  it.each(['/api/v1/docs', '/api/v1/redoc'])(
    'loads nothing from elsewhere and no inline script: %s',
    async (path) => {
      const { text, headers, status } = await t.request.get(path);
      expect([status, headers['content-type']]).toEqual([200, expect.stringMatching(/^text\/html/)]);
      expect(headers['content-security-policy']).toContain("script-src 'self';");
      expect(headers['x-content-type-options']).toBe('nosniff');
      const scripts = [...text.matchAll(/<script([^>]*)>([^<]*)/g)];
      expect(scripts.length).toBeGreaterThan(0);
      for (const [, attributes, content] of scripts)
        expect([attributes, content.trim()]).toEqual([expect.stringMatching(/ src=["'](\.|\/)/), '']);
      for (const [, address] of text.matchAll(/(?:src|href)="([^"#]+)"/g)) {
        expect(address).not.toMatch(/^(https?:)?\/\//);
        const asset = await t.request.get(new URL(address, `${t.url}${path}`).pathname);
        expect([address, asset.status]).toEqual([address, 200]);
      }
    },
  );

  it('is one that Swagger UI and ReDoc are told about', async () => {
    expect((await t.request.get('/api/v1/docs/swagger-ui-init.js')).text).toContain(
      '"persistAuthorization": true',
    );
    expect((await t.request.get('/api/v1/redoc/init.js')).text).toContain(
      "Redoc.init('/api/v1/openapi.json'",
    );
    expect((await t.request.get('/api/v1/redoc/redoc.standalone.js')).headers['content-type']).toMatch(
      /javascript/,
    );
  });

  it('is absent when it is switched off', async () => {
    const closed = await createTestApp({ env: { API_DOCS: 'false' } });
    try {
      for (const path of [
        'docs',
        'docs/swagger-ui-bundle.js',
        'redoc',
        'openapi.json',
        'docs-json',
        'docs-yaml',
      ]) {
        expect((await closed.request.get(`/api/v1/${path}`)).status).toBe(404);
      }
    } finally {
      await closed.close();
    }
  });
});
