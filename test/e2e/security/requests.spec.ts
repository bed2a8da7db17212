import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HTTP_BOUNDS } from '../../../src/config/bounds';
import { DatabaseState } from '../../../src/database/database-state';
import { createTestApp } from '../../support/create-test-app';
import { percentile } from '../../support/percentile';
import { ProbeController, ProbeModule } from '../../support/probe.module';
import { RawConnection } from '../../support/raw-connection';
import { sendRaw } from '../../support/raw-http';
import { handshake } from '../../support/socket-client';
import { SpawnedService } from '../../support/spawned-service';
import { useChatApp } from '../../support/use-chat-app';

/*
 * One connection: its requests are answered one after the other, a refusal is cheap, and what Node would answer itself is a problem like any other.
 */

const OPEN = '/api/v1/probe/open';
const SLOW = '/api/v1/probe/slow';
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

function get(path: string, ...headers: string[]): string {
  return ['GET ' + path + ' HTTP/1.1', 'Host: localhost', ...headers, '', ''].join('\r\n');
}

function post(path: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nX-User-ID: alice\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

const t = useChatApp({}, { own: 'is attacked', imports: [ProbeModule] });
beforeEach(() => {
  ProbeController.calls = 0;
  ProbeController.mostAtOnce = 0;
});

describe('requests that do not wait for each other', () => {
  it('are all answered, in their order', async () => {
    const raw = await connection(t.url);
    const ids = Array.from({ length: 100 }, (_, i) => `r${i}`);
    await raw.write(ids.map((id) => get(OPEN, `X-Request-Id: ${id}`)).join(''));
    expect(await raw.sees(() => raw.statuses.length === 100)).toBe(true);
    expect([...raw.text.matchAll(/X-Request-Id: (\w+)/g)].map(([, id]) => id)).toEqual(ids);
    expect(new Set(raw.statuses)).toEqual(new Set([200]));
    expect(raw.closed).toBe(false);
  });

  it('are all answered when they come over a while, with bodies, and with large answers', async () => {
    const raw = await connection(t.url);
    for (let i = 0; i < 20; i += 1) {
      const text = JSON.stringify({ text: `${i}`.padEnd(20_000, 'x') });
      await raw.write(post('/api/v1/probe/echo', text) + get('/api/v1/openapi.json') + get(OPEN));
      if (i % 5 === 0) await sleep(20);
    }
    expect(await raw.sees(() => raw.statuses.length === 60, 30_000)).toBe(true);
    expect(new Set(raw.statuses)).toEqual(new Set([200, 201]));
    expect([...raw.text.matchAll(/"text":"(\d+)x/g)].map(([, i]) => Number(i))).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    );
  }, 40_000);

  it('are begun one after the other', async () => {
    const raw = await connection(t.url);
    await raw.write(get(SLOW).repeat(50));
    expect(await raw.sees(() => raw.statuses.length === 50)).toBe(true);
    expect([ProbeController.calls, ProbeController.mostAtOnce]).toEqual([50, 1]);
  });

  it('wait behind a stream, and neither begin nor are kept without a bound', async () => {
    const { body } = await t.as('alice').post('/api/v1/conversations').send({});
    const raw = await connection(t.url);
    await raw.write(get(`/api/v1/chat/${body.id}/stream`, 'X-User-ID: alice') + get(OPEN).repeat(100));
    expect(await raw.status()).toBe(200);
    let taken = 0;
    const block = get(OPEN).repeat(1_000);
    // More than the system's own buffers hold, if nobody reads.
    for (; taken < 400; taken += 1)
      if (!(await Promise.race([raw.write(block).then(() => true), sleep(1_000)]))) break;
    expect(raw.closed || taken < 400).toBe(true);
    expect([raw.statuses, ProbeController.calls]).toEqual([[200], 0]);
    expect((await t.request.get(OPEN)).status).toBe(200);
  }, 20_000);

  it('are closed off when there are too many', async () => {
    const raw = await connection(t.url);
    await raw.write(get(OPEN).repeat(900));
    expect(await raw.sees(() => raw.closed)).toBe(true);
    expect(raw.statuses).toHaveLength(HTTP_BOUNDS.requestsAhead.limit + 1);
    expect(ProbeController.calls).toBe(raw.statuses.length);
  });

  it('are closed off soon when there are too many behind a stream', async () => {
    vi.spyOn<{ limit: number }, 'limit'>(HTTP_BOUNDS.requestsAheadMs, 'limit', 'get').mockReturnValue(300);
    const { body } = await t.as('alice').post('/api/v1/conversations').send({});
    const raw = await connection(t.url);
    await raw.write(get(`/api/v1/chat/${body.id}/stream`, 'X-User-ID: alice') + get(OPEN).repeat(900));
    expect(await raw.sees(() => raw.closed)).toBe(true);
    expect([raw.statuses, ProbeController.calls]).toEqual([[200], 0]);
  });

  it('are not begun for who has left', async () => {
    const raw = await connection(t.url);
    await raw.write(get(SLOW).repeat(50));
    await raw.sees(() => raw.statuses.length > 0);
    raw.close();
    await sleep(50);
    const begun = ProbeController.calls;
    await sleep(500);
    expect(ProbeController.calls).toBe(begun);
    expect(begun).toBeLessThan(50);
  });

  it('may end in one that cannot be read, which is answered last', async () => {
    const raw = await connection(t.url);
    await raw.write(get(OPEN).repeat(5) + 'nonsense\r\n\r\n');
    expect(await raw.sees(() => raw.closed)).toBe(true);
    expect([raw.statuses, raw.codes]).toEqual([[200, 200, 200, 200, 200, 400], ['malformed_request']]);
  });

  it('may be a handshake, which does not begin in the midst of an answer', async () => {
    const raw = await connection(t.url);
    await raw.write(get(OPEN) + handshake({ Host: 'localhost', 'X-User-ID': 'alice' }));
    expect(await raw.sees(() => raw.statuses.length === 2)).toBe(true);
    expect(raw.statuses).toEqual([200, 404]);
    expect((await t.request.get(OPEN)).status).toBe(200);
  });
});

describe('refusals', () => {
  it.each([
    ['401', '/api/v1/models'],
    ['404', '/nothing'],
  ])('again and again close the connection: %s', async (status, path) => {
    const most = HTTP_BOUNDS.refusalsInARow.limit;
    const raw = await connection(t.url);
    for (let i = 0; i < most && !raw.closed; i += 1) {
      await raw.write(get(path));
      await raw.sees(() => raw.statuses.length > i);
    }
    expect(await raw.sees(() => raw.closed)).toBe(true);
    expect(raw.statuses).toEqual(Array<number>(most).fill(Number(status)));
    expect(raw.text.match(/^Connection: close\r$/gm)).toHaveLength(1);
    expect(raw.error).toBeUndefined();
  });

  it('now and then do not', async () => {
    const raw = await connection(t.url);
    for (let i = 0; i < 8; i += 1) {
      await raw.write(get('/nothing').repeat(10) + get(OPEN));
      await raw.sees(() => raw.statuses.length === (i + 1) * 11);
    }
    expect([raw.statuses.length, raw.closed]).toEqual([88, false]);
  });
});

describe('limits of a network', () => {
  it('count preflights', async () => {
    const limited = await createTestApp({
      env: { CORS_ORIGINS: 'https://chat.example', RATE_LIMITS: 'on', RATE_LIMIT_ADDRESS: '3' },
    });
    try {
      const preflight = () =>
        limited.request
          .options('/api/v1/chat')
          .set({ Origin: 'https://chat.example', 'Access-Control-Request-Method': 'POST' });
      const first = await preflight();
      expect([first.status, first.headers['content-length'], first.text]).toEqual([204, '0', '']);
      expect(first.headers.ratelimit).toMatch(/^"address";r=2;/);
      await preflight();
      await preflight();
      const { status, body, headers } = await preflight();
      expect([status, body.code]).toEqual([429, 'rate_limited']);
      expect(headers['access-control-allow-origin']).toBe('https://chat.example');
      expect((await limited.request.get('/health/ready')).status).toBe(200);
    } finally {
      await limited.close();
    }
  });
});

describe('readiness', () => {
  it('asks the database once a second, whoever asks', async () => {
    await sleep(HTTP_BOUNDS.readinessMs.limit);
    const check = vi.spyOn(t.app.get(DatabaseState), 'check');
    const began = performance.now();
    for (let i = 0; i < 5; i += 1) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => t.request.get('/health/ready')));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    }
    const seconds = (performance.now() - began) / 1000;
    expect(check.mock.calls.length).toBeLessThanOrEqual(1 + Math.ceil(seconds));
  });
});

describe('what Node would answer itself', () => {
  const cases: [string, string, number, string][] = [
    [
      'two hosts',
      `GET ${OPEN} HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n`,
      400,
      'invalid_host',
    ],
    [
      'the same host twice',
      `GET ${OPEN} HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\nConnection: close\r\n\r\n`,
      400,
      'invalid_host',
    ],
    [
      'two hosts of a preflight',
      `OPTIONS ${OPEN} HTTP/1.1\r\nHost: localhost\r\nHost: a\r\nConnection: close\r\n\r\n`,
      400,
      'invalid_host',
    ],
    [
      'two hosts of a handshake',
      handshake({ Host: 'localhost', host: 'evil.example', 'X-User-ID': 'alice' }),
      400,
      'invalid_host',
    ],
    ['no host', `GET ${OPEN} HTTP/1.1\r\nConnection: close\r\n\r\n`, 400, 'invalid_host'],
    [
      'an unknown expectation',
      get(OPEN, 'Connection: close', 'Expect: the-unexpected'),
      417,
      'expectation_failed',
    ],
    [
      'an unknown expectation of a POST',
      post(OPEN, '{}').replace('X-User-ID', 'Expect: 200-ok\r\nX-User-ID'),
      417,
      'expectation_failed',
    ],
  ];
  it.each(cases)('is a problem like any other: %s', async (_name, bytes, status, code) => {
    const answer = await sendRaw(t.url, bytes);
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/problem+json',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("default-src 'none'") as string,
    });
    expect(JSON.parse(answer.body)).toMatchObject({
      status,
      code,
      request_id: answer.headers['x-request-id'],
    });
    expect([answer.count, ProbeController.calls]).toEqual([1, 0]);
  });
});

describe('a process of its own', () => {
  let directory: string;
  let service: SpawnedService;
  let url: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'parley-requests-'));
    service = new SpawnedService(directory, { RATE_LIMITS: 'on' });
    url = await service.ready();
  }, 90_000);
  afterAll(async () => {
    await service.kill();
    rmSync(directory, { recursive: true, force: true });
  });

  /** On a busy machine one alone may take as long as all of the others. */
  const FEWEST_ANSWERS = 9;

  async function latency(path: string): Promise<number> {
    const began = performance.now();
    await (await fetch(`${url}${path}`, { headers: { 'X-User-ID': 'polite' } })).arrayBuffer();
    return performance.now() - began;
  }

  it('is not ended by a handshake behind a request', async () => {
    for (let i = 0; i < 5; i += 1) {
      const raw = await connection(url);
      await raw.write(get('/api/v1/models') + handshake({ Host: 'localhost', 'X-User-ID': 'mallory' }));
      await raw.sees(() => raw.statuses.length === 2, 5_000);
    }
    expect(await latency('/health/live')).toBeLessThan(5_000);
    expect(service.output).not.toMatch(/"level":60/);
  });

  it.each(['/api/v1/models', '/nothing', '/health/ready', '/api/v1/openapi.json?x'])(
    'serves others while one connection asks without end: %s',
    async (path) => {
      const quiet = Math.max(await latency('/health/live'), await latency('/health/live'));
      const over = new AbortController();
      const asking = (async () => {
        while (!over.signal.aborted) {
          const raw = await connection(url);
          const block = get(path).repeat(1_000);
          // Also where all is taken at once, what the others are answered must be seen here.
          for (; !raw.closed && !over.signal.aborted; await sleep(5))
            await Promise.race([raw.write(block), sleep(200)]);
          raw.close();
        }
      })();
      const times: number[] = [];
      for (const began = Date.now(); Date.now() < began + 3_000 || times.length < FEWEST_ANSWERS;) {
        times.push(await latency('/health/live'));
        await sleep(50);
      }
      over.abort();
      await asking;
      // One that is late says something of the machine; behind such a connection all of them would be.
      expect(percentile(times, 0.5)).toBeLessThan(Math.max(1_000, 20 * quiet));
      expect(service.output).not.toMatch(/"level":60/);
    },
    60_000,
  );
});
