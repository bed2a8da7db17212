import { gzipSync } from 'node:zlib';
import { request as httpRequest } from 'node:http';
import { DatabaseState } from '../../src/database/database-state';
import { Draining } from '../../src/http/draining';
import { createTestApp } from '../support/create-test-app';
import { ProbeController, ProbeModule } from '../support/probe.module';
import { sendRaw } from '../support/raw-http';
import { useChatApp } from '../support/use-chat-app';

const PROBE = '/api/v1/probe';

const t = useChatApp(
  { HTTP_BODY_LIMIT: '64kb', CHAT_MAX_CONTENT_CHARS: '1000' },
  { own: 'has routes of its own', imports: [ProbeModule] },
);

function post(body: string | Buffer, type = 'application/json', headers: Record<string, string> = {}) {
  return t.request.post(`${PROBE}/echo`).set('Content-Type', type).set(headers).send(body);
}

describe('errors', () => {
  it.each([
    ['conflict', 409, 'reply_in_progress'],
    ['unavailable', 503, 'draining'],
    ['provider', 502, 'provider_failed'],
    ['http', 409, 'conflict'],
    ['string', 500, 'internal_error'],
    ['database', 400, 'invalid_value'],
    ['error', 500, 'internal_error'],
  ])('answers a thrown %s as a problem', async (how, status, code) => {
    const { body, headers, ...answer } = await t.request.get(`${PROBE}/fail/${how}?secret=1`);
    expect(answer.status).toBe(status);
    expect(headers['content-type']).toBe('application/problem+json');
    expect(body).toMatchObject({ type: 'about:blank', status, code, instance: `${PROBE}/fail/${how}` });
    expect(body.request_id).toBe(headers['x-request-id']);
    expect(body.title).toEqual(expect.any(String));
    expect(body.detail).toEqual(expect.any(String));
    expect(answer.text).not.toMatch(/canary|stack|\.ts/);
  });

  it('adds members and Retry-After', async () => {
    expect((await t.request.get(`${PROBE}/fail/conflict`)).body.message_id).toBe('m1');
    expect((await t.request.get(`${PROBE}/fail/unavailable`)).headers['retry-after']).toBe('2');
  });

  it('cuts the connection when it is too late for a status', async () => {
    await expect(t.request.get(`${PROBE}/fail/late`)).rejects.toThrow(/aborted|socket hang up/);
    expect((await t.request.get(`${PROBE}/open`)).status).toBe(200);
  });

  it.each(['/nothing', '/api', '/api/v1/nothing', '/api/v2/probe/open', `${PROBE}/open/more`])(
    'has nothing at %s',
    async (path) => {
      const { status, body } = await t.request.get(path);
      expect([status, body.code, body.instance]).toEqual([404, 'route_not_found', path]);
    },
  );

  it('tells a wrong method from a wrong address', async () => {
    const wrong = await t.request.delete(`${PROBE}/open?x=1`);
    expect([wrong.status, wrong.body.code, wrong.headers.allow]).toEqual([
      405,
      'method_not_allowed',
      'GET, HEAD',
    ]);
    const health = await t.request.post('/health/live');
    expect([health.status, health.headers.allow]).toEqual([405, 'GET, HEAD']);
  });
});

describe('request ids', () => {
  it.each(['abc', 'req_0.1:2-3', 'x'.repeat(128)])('keeps %s', async (id) => {
    expect((await t.request.get(`${PROBE}/open`).set('X-Request-Id', id)).headers['x-request-id']).toBe(id);
  });

  it.each(['', 'a b', 'x'.repeat(129), '<script>', 'a,b', 'é'])('replaces "%s"', async (id) => {
    expect((await t.request.get(`${PROBE}/open`).set('X-Request-Id', id)).headers['x-request-id']).toMatch(
      /^req_[0-9a-f]{16}$/,
    );
  });
});

describe('headers', () => {
  const requests: [string, () => PromiseLike<{ headers: Record<string, string> }>][] = [
    ['an answer', () => t.request.get(`${PROBE}/open`)],
    ['health', () => t.request.get('/health/live')],
    ['401', () => t.request.get(`${PROBE}/me`)],
    ['404', () => t.request.get('/nothing')],
    ['405', () => t.request.put(`${PROBE}/open`)],
    ['413', () => post(`{"text":"${'x'.repeat(70_000)}"}`)],
    ['415', () => post('x', 'text/plain')],
    ['500', () => t.request.get(`${PROBE}/fail/error`)],
    ['OpenAPI', () => t.request.get('/api/v1/openapi.json')],
  ];

  it.each(requests)('protect: %s', async (_name, send) => {
    const { headers } = await send();
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'/);
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['x-request-id']).toEqual(expect.any(String));
    expect(headers['x-powered-by']).toBeUndefined();
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  it('never lead to 304', async () => {
    const first = await t.request.get(`${PROBE}/etag`);
    expect(first.headers.etag).toBe('"7"');
    const second = await t.request
      .get(`${PROBE}/etag`)
      .set('If-None-Match', '"7"')
      .set('If-Modified-Since', new Date().toUTCString());
    expect([second.status, second.body]).toEqual([200, { version: 7 }]);
    expect((await t.request.get(`${PROBE}/open`)).headers.etag).toBeUndefined();
  });
});

describe('bodies', () => {
  const before = () => (ProbeController.calls = 0);
  beforeEach(before);

  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])(
    'are read as %s',
    async (type) => {
      const { status, body } = await post('{"text":"é"}', type);
      expect([status, body]).toEqual([201, { text: 'é' }]);
    },
  );

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-7',
    'application/json; charset=utf-16',
    'application/json;a=b',
    'application/jsonp',
    'text/json',
    'application/json, text/plain',
  ])('are refused as %s', async (type) => {
    const { status, body } = await post('{"text":"x"}', type);
    expect([status, body.code, ProbeController.calls]).toEqual([415, 'unsupported_media_type', 0]);
  });

  it('are refused without a type', async () => {
    const { status } = await sendRaw(
      t.url,
      `POST ${PROBE}/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`,
    );
    expect(status).toBe(415);
  });

  it.each(['gzip', 'deflate', 'br', 'zstd', 'gzip, gzip', 'x'])(
    'are refused when encoded as %s',
    async (encoding) => {
      const { status, body } = await post(gzipSync('{"text":"x"}'), 'application/json', {
        'Content-Encoding': encoding,
      });
      expect([status, body.code]).toEqual([415, 'unsupported_media_type']);
    },
  );

  it('have to be there', async () => {
    const { status, body } = await t.request.post(`${PROBE}/echo`);
    expect([status, body.code]).toEqual([400, 'body_required']);
    expect((await t.request.post(`${PROBE}/bodiless`)).status).toBe(201);
  });

  it.each([
    ['{"text":', 'invalid_json'],
    ['[]', 'invalid_body'],
    ['{"text":"a","text":"b"}', 'duplicate_key'],
    ['{"text":"\\u0000"}', 'invalid_text'],
    ['{"text":"x","__proto__":{"admin":true}}', 'invalid_key'],
    [`{"text":${'['.repeat(50_000)}`, 'too_deep'],
  ])('are refused before the handler: %#', async (text, code) => {
    const { status, body } = await post(text);
    expect([status, body.code, ProbeController.calls]).toEqual([400, code, 0]);
    expect(body.detail).not.toMatch(/position|token|JSON\.parse|Unexpected/);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it('are stored and shown as they are', async () => {
    const text = '👩‍👩‍👧‍👦 \u202E \u2028\u2029\uFEFF e\u0301 \uE000 \u{10FFFF}';
    expect((await post(JSON.stringify({ text }))).body).toEqual({ text });
  });

  it('may be as large as the limit', async () => {
    const fill = 64 * 1024 - '{"text":""}'.length;
    expect((await post(`{"text":"${'x'.repeat(fill)}"}`)).status).toBe(201);
    const { status, body } = await post(`{"text":"${'x'.repeat(fill + 1)}"}`);
    expect([status, body.code, ProbeController.calls]).toEqual([413, 'body_too_large', 1]);
  });

  it('are refused early when they drip for ever', async () => {
    const sent = await dripUntilRefused(t.url, 64 * 1024);
    expect(sent.status).toBe(413);
    expect(sent.bytes).toBeLessThan(1024 ** 2);
  });

  it('are not accepted by GET', async () => {
    const text = `GET ${PROBE}/open HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`;
    expect((await sendRaw(t.url, text)).status).toBe(400);
    expect(ProbeController.calls).toBe(0);
  });
});

/** Streams chunks without end until an answer comes. */
function dripUntilRefused(url: string, chunkBytes: number): Promise<{ status: number; bytes: number }> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const request = httpRequest(`${url}${PROBE}/echo`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
    });
    const timer = setInterval(() => {
      bytes += chunkBytes;
      request.write('x'.repeat(chunkBytes));
    }, 20);
    request.on('response', (response) => {
      clearInterval(timer);
      resolve({ status: response.statusCode ?? 0, bytes });
      request.destroy();
    });
    request.on('error', reject);
  });
}

describe('validation', () => {
  async function errorsOf(body: object) {
    const answer = await t.request.post(`${PROBE}/echo`).send(body);
    expect([answer.status, answer.body.code]).toEqual([400, 'validation_failed']);
    return answer.body.errors as { path: string; message: string }[];
  }

  it('names nested paths in full', async () => {
    const errors = await errorsOf({ text: 'x', items: [{ name: 'a' }, { name: 1, more: true }] });
    expect(errors).toEqual([
      { path: 'items[1].more', message: 'is not a known field' },
      { path: 'items[1].name', message: 'must be a string' },
    ]);
  });

  it.each(['id', 'user_id', 'role', 'created_at', 'isAdmin', 'deletedAt'])(
    'refuses the unknown field %s',
    async (field) => {
      expect(await errorsOf({ text: 'x', [field]: 'x' })).toEqual([
        { path: field, message: 'is not a known field' },
      ]);
    },
  );

  it.each([[1], [true], [null], [['x']], [{ a: 1 }]])('does not take %j for a text', async (text) => {
    expect(await errorsOf({ text })).toEqual([{ path: 'text', message: 'must be a string' }]);
  });

  it.each([['10'], [1.5], [true], [[1]], [{}]])('does not take %j for a whole number', async (count) => {
    expect(await errorsOf({ text: 'x', count })).toEqual([
      { path: 'count', message: 'must be an integer number' },
    ]);
  });
});

describe('addresses', () => {
  it('have a page query with defaults', async () => {
    expect((await t.request.get(`${PROBE}/list`)).body).toEqual({ limit: 20 });
    expect((await t.request.get(`${PROBE}/list?limit=100&q=a%20b+c&cursor=x`)).body).toEqual({
      limit: 100,
      q: 'a b c',
      cursor: 'x',
    });
  });

  it.each(['0', '101', '-1', '1.5', '1e1', '10x', '', '%2010', '999999999999', 'NaN'])(
    'refuse limit=%s',
    async (limit) => {
      const { status, body } = await t.request.get(`${PROBE}/list?limit=${limit}`);
      expect([status, body.errors[0].path]).toEqual([400, 'limit']);
    },
  );

  it.each([
    ['q=a&q=b', 'invalid_query'],
    ['q[]=a', 'validation_failed'],
    ['q[a]=b', 'validation_failed'],
    ['__proto__[x]=1', 'validation_failed'],
    ['user_id=alice', 'validation_failed'],
    ['q=%00', 'invalid_text'],
    ['q=%ED%A0%80', 'invalid_target'],
    ['q=%FF', 'invalid_target'],
    ['q=%', 'invalid_target'],
  ])('refuse ?%s', async (query, code) => {
    const { status, body } = await sendRaw(
      t.url,
      `GET ${PROBE}/list?${query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    expect([status, JSON.parse(body).code]).toEqual([400, code]);
    expect(({} as { x?: string }).x).toBeUndefined();
  });

  it('take a UUID in either case', async () => {
    const id = '0193A1C2-7D3E-7000-8000-00000000000A';
    expect((await t.request.get(`${PROBE}/items/${id}`)).body).toEqual({ id: id.toLowerCase() });
  });

  it.each([
    '1',
    'null',
    '0193a1c2-7d3e-7000-8000-00000000000',
    '0193a1c27d3e7000800000000000000a',
    '{0193a1c2-7d3e-7000-8000-00000000000a}',
    'urn:uuid:0193a1c2-7d3e-7000-8000-00000000000a',
    '0193a1c2-7d3e-7000-8000-00000000000g',
    '%20'.repeat(36),
    '%F0%9F%98%80',
    "'%20OR%201=1--",
    '0193a1c2-7d3e-7000-8000-00000000000a%0A',
  ])('know nothing with the id %s', async (id) => {
    const { status, body } = await t.request.get(`${PROBE}/items/${id}`);
    expect([status, body.code]).toEqual([404, 'not_found']);
  });

  it.each(['%00', '%', '%ZZ', '%FF', '%ED%A0%80'])('refuse the path %s', async (id) => {
    const { status } = await sendRaw(
      t.url,
      `GET ${PROBE}/items/${id} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    expect(status).toBe(400);
  });
});

describe('health', () => {
  it.each(['/health/live', '/health/ready', '/api/v1/health/live', '/api/v1/health/ready'])(
    'answers at %s and tells nothing',
    async (path) => {
      const { status, body } = await t.request.get(path);
      expect([status, body]).toEqual([200, { status: 'ok' }]);
    },
  );

  it.each(['/health', '/api/v1/health'])('says at %s that the process is there', async (path) => {
    const { status, body } = await t.request.get(path);
    expect([status, body]).toEqual([200, { status: 'healthy' }]);
  });

  it('is not ready without its database', async () => {
    const other = await createTestApp();
    try {
      vi.spyOn(other.app.get(DatabaseState), 'check').mockResolvedValue(false);
      const { status, body, headers } = await other.request.get('/health/ready');
      expect([status, body.code, headers['retry-after']]).toEqual([503, 'not_ready', '5']);
      expect((await other.request.get('/health/live')).status).toBe(200);
    } finally {
      await other.close();
    }
  });

  it('is not ready while it drains, and says so to new work', async () => {
    const other = await createTestApp({ imports: [ProbeModule] });
    try {
      const draining = other.app.get(Draining);
      expect(() => draining.assertOpen()).not.toThrow();
      draining.begin();
      expect(draining.active).toBe(true);
      expect(() => draining.assertOpen()).toThrow('shutting down');
      const ready = await other.request.get('/health/ready');
      expect([ready.status, ready.body.code, ready.headers['retry-after']]).toEqual([503, 'draining', '5']);
      const live = await other.request.get('/health/live').set('Connection', 'keep-alive');
      expect([live.status, live.headers.connection]).toEqual([200, 'close']);
    } finally {
      await other.close();
    }
  });
});
