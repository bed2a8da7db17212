import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HTTP_BOUNDS } from '../../../src/config/bounds';
import { ApiClient } from '../../support/api-client';
import { createTestApp } from '../../support/create-test-app';
import { ProbeModule } from '../../support/probe.module';
import { RawConnection } from '../../support/raw-connection';
import { SpawnedService } from '../../support/spawned-service';
import { useChatApp } from '../../support/use-chat-app';

/*
 * Bodies: who is refused is refused before their body is read, and whatever is read costs what it is long, in whatever pieces it comes.
 */

const CHAT = '/api/v1/chat';
const CONVERSATIONS = '/api/v1/conversations';
const open: RawConnection[] = [];

async function connection(url: string): Promise<RawConnection> {
  const raw = await RawConnection.open(url);
  open.push(raw);
  return raw;
}

afterEach(() => {
  vi.restoreAllMocks();
  for (const each of open.splice(0)) each.close();
});

interface Head {
  path?: string;
  method?: string;
  user?: string;
  length?: number;
  more?: string;
}

/** The head of a request with a body: of this length, or chunked. */
function head({ path = CONVERSATIONS, method = 'POST', user, length, more = '' }: Head): string {
  const identity = user === undefined ? '' : `X-User-ID: ${user}\r\n`;
  const framing = length === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${identity}Content-Type: application/json\r\n${more}${framing}\r\n\r\n`;
}

const chunk = (text: string, extension = '') => `${text.length.toString(16)}${extension}\r\n${text}\r\n`;
const LAST = '0\r\n\r\n';

function limit(bound: { readonly limit: number }, value: number): void {
  vi.spyOn(bound, 'limit', 'get').mockReturnValue(value);
}

describe('anybody, with a heap of 256 MB', () => {
  let directory: string;
  let service: SpawnedService;
  let url: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'parley-bodies-'));
    service = new SpawnedService(directory, { NODE_OPTIONS: '--max-old-space-size=256', RATE_LIMITS: 'on' });
    url = await service.ready();
  }, 90_000);
  afterAll(async () => {
    await service.kill();
    rmSync(directory, { recursive: true, force: true });
  });

  /** As many connections, each with this head and then these pieces, as far as they are taken. */
  async function flood(connections: number, start: string, pieces: string, times: number): Promise<void> {
    const send = async () => {
      const raw = await connection(url);
      await raw.write(start);
      for (let i = 0; i < times && !raw.closed; i += 1) await Promise.race([raw.write(pieces), sleep(2_000)]);
    };
    await Promise.all(Array.from({ length: connections }, send));
  }

  async function expectUnharmed(): Promise<void> {
    const began = performance.now();
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    expect(performance.now() - began).toBeLessThan(5_000);
    const api = ApiClient.of(url, 'polite');
    const { id } = await api.conversation();
    expect((await api.say(id, 'Still there?')).message.status).toBe('completed');
    expect(service.output).not.toMatch(/"level":60|heap out of memory/);
  }

  const tiny = chunk('a').repeat(10_000);
  const attacks: [string, string, string][] = [
    ['nobody', head({ path: CHAT }), tiny],
    ['nobody, to a public route', head({ path: '/api/v1/auth/token' }), tiny],
    ['nobody, to an unknown route', head({ path: '/api/v1/nothing' }), tiny],
    ['nobody, by GET', head({ method: 'GET', path: '/api/v1/models' }), tiny],
    ['a user', head({ path: CHAT, user: 'mallory' }), tiny],
    [
      'a user, by PATCH',
      head({ path: `${CONVERSATIONS}/${crypto.randomUUID()}`, method: 'PATCH', user: 'mallory' }),
      tiny,
    ],
    ['a user, in pieces of three bytes', head({ path: CHAT, user: 'mallory' }), chunk('abc').repeat(10_000)],
    [
      'a user, with chunk extensions',
      head({ path: CHAT, user: 'mallory' }),
      chunk('a', ';x=y').repeat(5_000),
    ],
    ['nobody, with a length', head({ path: CHAT, length: 1_000_000 }), 'a'.repeat(10_000)],
  ];
  it.each(attacks)(
    '%s cannot stop the service with endless bodies',
    async (_who, start, pieces) => {
      await flood(16, start, pieces, 100);
      await expectUnharmed();
    },
    60_000,
  );

  it('nor can bodies that are each allowed, and together more than there is room for', async () => {
    const body = 'a'.repeat(15_000);
    const send = async (i: number) => {
      const raw = await connection(url);
      await raw.write(head({ user: `m${i}`, length: 1_000_000 }));
      for (let k = 0; k < 60 && raw.statuses.length === 0 && !raw.closed; k += 1) await raw.write(body);
      return raw;
    };
    const all = await Promise.all(Array.from({ length: 60 }, (_, i) => send(i)));
    const refused = () => all.filter(({ codes }) => codes[0] === 'too_many_uploads');
    for (const end = Date.now() + 20_000; Date.now() < end && refused().length < 40;) await sleep(50);
    expect(refused().length).toBeGreaterThanOrEqual(40);
    expect(refused()[0].text).toMatch(/^HTTP\/1\.1 429 [^]*Retry-After: 1\r\n/);
    await expectUnharmed();
    for (const each of all) each.close();
    await sleep(200);
    const later = await send(99);
    expect(later.statuses).toEqual([]);
  }, 60_000);
});

describe('who is refused', () => {
  const t = useChatApp({}, { own: 'is attacked' });
  const tokens = useChatApp(
    { AUTH_MODE: 'token', RATE_LIMITS: 'on', RATE_LIMIT_ADDRESS: '30', RATE_LIMIT_LOGIN: '2' },
    { own: 'is attacked' },
  );

  it.each([
    ['without an identity', head({ length: 100 }), 401, 'unauthenticated'],
    [
      'without an identity, whatever it would be',
      head({ length: 9_000_000, more: 'Content-Encoding: gzip\r\n' }),
      401,
      'unauthenticated',
    ],
    ['of a route that there is not', head({ path: '/api/v1/nothing', length: 100 }), 404, 'route_not_found'],
    ['of an address outside of the API', head({ path: '/nothing', length: 100 }), 404, 'route_not_found'],
    [
      'of a method that there is not',
      head({ method: 'PUT', path: '/api/v1/models', user: 'alice', length: 9 }),
      405,
      'method_not_allowed',
    ],
    [
      'of GET',
      head({ method: 'GET', path: '/api/v1/models', user: 'alice', length: 9 }),
      400,
      'unexpected_body',
    ],
    ['that is too long', head({ user: 'alice', length: 9_000_000 }), 413, 'body_too_large'],
    [
      'of another type',
      head({ user: 'alice', length: 9, more: 'Content-Encoding: br\r\n' }),
      415,
      'unsupported_media_type',
    ],
  ])('hears so before any byte of a body %s', async (_which, bytes, status, code) => {
    const raw = await connection(t.url);
    await raw.write(bytes);
    expect(await raw.status()).toBe(status);
    expect(raw.codes).toEqual([code]);
    expect(raw.text).toContain("Content-Security-Policy: default-src 'none'");
    expect(raw.text).toMatch(/X-Request-Id: req_\w+\r\n/);
  });

  it('by the limit of a route or a network hears so before any byte of a body', async () => {
    const ask = async (more: Head = {}) => {
      const raw = await connection(tokens.url);
      // Logging in is not refused before the body is read: somebody known from the network has attempts of their own.
      await raw.write(head({ path: '/api/v1/auth/register', length: 50, ...more }));
      await raw.sees(() => raw.codes.length > 0, 1_500);
      return raw.codes[0];
    };
    expect([await ask(), await ask(), await ask()]).toEqual([undefined, undefined, 'rate_limited']);
    for (let i = 0; i < 30; i += 1) await tokens.request.get('/api/v1/models');
    expect(await ask({ path: CHAT })).toBe('rate_limited');
  }, 20_000);

  it.each([
    ['401', {}, 401],
    ['404', { path: '/api/v1/nothing' }, 404],
    ['413', { user: 'alice' }, 413],
  ])(
    'reads the answer while still sending, and may go on with the connection: %s',
    async (_name, more, status) => {
      const raw = await connection(t.url);
      await raw.write(head({ ...more, length: 3_000_000 }));
      for (let i = 0; i < 300; i += 1) await raw.write('a'.repeat(10_000));
      expect(await raw.status()).toBe(status);
      await raw.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await raw.sees(() => raw.statuses.length === 2);
      expect([raw.statuses, raw.error]).toEqual([[status, 200], undefined]);
    },
  );

  it('reads the answer where it wants the connection closed, too', async () => {
    const raw = await connection(t.url);
    await raw.write(head({ length: 3_000_000, more: 'Connection: close\r\n' }));
    for (let i = 0; i < 300; i += 1) await raw.write('a'.repeat(10_000));
    await raw.sees(() => false, 2_000);
    expect([raw.statuses, raw.closed, raw.error]).toEqual([[401], true, undefined]);
  });

  it('is cut off when too much comes, or for too long', async () => {
    const much = await connection(t.url);
    await much.write(head({ length: 100_000_000 }));
    const block = 'a'.repeat(1_000_000);
    for (let i = 0; i < 40 && !much.closed; i += 1) await much.write(block);
    expect([await much.sees(() => much.closed), much.statuses]).toEqual([true, [401]]);
    limit(HTTP_BOUNDS.discardedMs, 300);
    const slow = await connection(t.url);
    await slow.write(head({ length: 100 }));
    expect([await slow.sees(() => slow.closed), slow.statuses]).toEqual([true, [401]]);
  });

  it('is cut off when what nobody reads comes in pieces', async () => {
    const raw = await connection(t.url);
    await raw.write(head({}));
    expect(await raw.status()).toBe(401);
    for (let i = 0; i < 5 && !raw.closed; i += 1) await raw.write(chunk('a').repeat(2_000));
    expect(await raw.sees(() => raw.closed, 4_000)).toBe(true);
  });

  it('is not told to go on', async () => {
    const expectation = 'Expect: 100-continue\r\n';
    const raw = await connection(t.url);
    await raw.write(head({ length: 20, more: expectation }));
    expect(await raw.status()).toBe(401);
    expect(raw.text).not.toContain('100 Continue');
    const welcome = await connection(t.url);
    await welcome.write(head({ user: 'alice', length: 13, more: expectation }));
    expect(await welcome.sees(() => welcome.text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'))).toBe(true);
    await welcome.write('{"title":"x"}');
    expect(await welcome.status()).toBe(201);
  });
});

describe('a body that is wanted', () => {
  const t = useChatApp({}, { own: 'is attacked', imports: [ProbeModule] });

  const path = '/api/v1/probe/echo';
  const prompt = (length: number) => JSON.stringify({ text: 'word '.repeat(length / 5) });

  it('may come slowly, in small pieces', async () => {
    const body = prompt(90_000);
    const raw = await connection(t.url);
    await raw.write(head({ path, length: body.length }));
    for (let i = 0; i < body.length; i += 1_000) {
      await raw.write(body.slice(i, i + 1_000));
      await sleep(10);
    }
    expect(await raw.status()).toBe(201);
  }, 60_000);

  it('may come byte by byte, if it is short', async () => {
    const raw = await connection(t.url);
    await raw.write(head({ user: 'alice', length: 13 }));
    for (const byte of '{"title":"x"}') await raw.write(byte);
    expect(await raw.status()).toBe(201);
  });

  it('may come in chunks of an ordinary size, with extensions and trailers', async () => {
    const body = prompt(90_000);
    const raw = await connection(t.url);
    await raw.write(head({ path, more: 'Trailer: X-Sum\r\n' }));
    for (let i = 0; i < body.length; i += 500) await raw.write(chunk(body.slice(i, i + 500), ';n=1'));
    await raw.write('0\r\nX-Sum: 1\r\n\r\n');
    expect(await raw.status()).toBe(201);
  });

  it.each([
    ['chunks, at once', 1],
    ['chunks, over a while', 20],
  ])('may not come in pieces that cost more than they bring: %s', async (_name, writes) => {
    const raw = await connection(t.url);
    await raw.write(head({ user: 'alice' }));
    for (let i = 0; i < writes; i += 1) {
      await raw.write(chunk('a').repeat(2_000 / writes));
      await sleep(5);
    }
    expect(await raw.status()).toBe(400);
    expect(raw.codes).toEqual(['too_many_pieces']);
    expect(await raw.sees(() => raw.closed)).toBe(true);
  });

  it('has its time, which is longer for what does come', async () => {
    limit(HTTP_BOUNDS.bodyMs, 400);
    const trickle = await connection(t.url);
    await trickle.write(head({ user: 'alice', length: 1_000 }));
    for (let i = 0; i < 100 && trickle.statuses.length === 0; i += 1) {
      await trickle.write('a');
      await sleep(50);
    }
    expect([trickle.statuses, trickle.codes]).toEqual([[408], ['request_timeout']]);
    expect(trickle.text).toContain('Content-Type: application/problem+json');
    const body = prompt(90_000);
    const slow = await connection(t.url);
    await slow.write(head({ path, length: body.length }));
    for (let i = 0; i < body.length; i += 5_000) {
      await slow.write(body.slice(i, i + 5_000));
      await sleep(50);
    }
    expect(await slow.status()).toBe(201);
  }, 60_000);

  it('has its room, which is given back', async () => {
    limit(HTTP_BOUNDS.bodiesOfProcess, 0);
    const small = await createTestApp({ env: { HTTP_BODY_LIMIT: '32kb', CHAT_MAX_CONTENT_CHARS: '1000' } });
    try {
      const begin = async () => {
        const raw = await connection(small.url);
        await raw.write(head({ user: 'alice', length: 32_000 }));
        await raw.write(' '.repeat(30_000));
        await sleep(100);
        return raw;
      };
      const all: RawConnection[] = [];
      for (let i = 0; i < 8; i += 1) all.push(await begin());
      const refused = all.filter(({ codes }) => codes[0] === 'overloaded');
      expect(refused).toHaveLength(4);
      expect(refused[0].text).toMatch(/^HTTP\/1\.1 503 [^]*Retry-After: 1\r\n/);
      all[0].close();
      await sleep(100);
      expect((await begin()).statuses).toEqual([]);
    } finally {
      for (const each of open.splice(0)) each.close();
      await small.close();
    }
  }, 60_000);

  it('that ends too early is not taken', async () => {
    const raw = await connection(t.url);
    await raw.write(head({ user: 'alice', length: 100 }) + '{"title"');
    raw.socket.end();
    await raw.sees(() => raw.closed);
    expect((await t.as('alice').get(CONVERSATIONS)).status).toBe(200);
  });

  it('of nothing is no body', async () => {
    const raw = await connection(t.url);
    await raw.write(head({ user: 'alice' }) + LAST);
    expect(await raw.status()).toBe(400);
    expect(raw.codes).toEqual(['body_required']);
  });
});
