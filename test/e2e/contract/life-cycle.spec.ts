import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../support/api-client';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';
import { SpawnedService } from '../../support/spawned-service';
import { useModelServer } from '../../support/use-model-server';

// Some start the service more than once.
vi.setConfig({ testTimeout: 240_000 });

let directory: string;
let database: TestDatabase | undefined;
const server = useModelServer();
const started: SpawnedService[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'parley-life-'));
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((service) => service.kill()));
  await database?.close();
  database = undefined;
  rmSync(directory, { recursive: true, force: true });
  server.reset();
});

function start(env: NodeJS.ProcessEnv): SpawnedService {
  const service = new SpawnedService(directory, env);
  started.push(service);
  return service;
}

/** On a database that has its tables already and outlives the process. */
async function startReady(
  env: NodeJS.ProcessEnv,
): Promise<{ service: SpawnedService; url: string; alice: ApiClient }> {
  database ??= await createTestDatabase();
  const { url: databaseUrl, dataDir } = database.config;
  const service = start({ ...(databaseUrl ? { DATABASE_URL: databaseUrl } : { DATA_DIR: dataDir }), ...env });
  const url = await service.ready();
  return { service, url, alice: ApiClient.of(url, 'alice') };
}

const words = (count: number) => Array.from({ length: count }, (_, i) => `word${i} `);

describe('a crash in the middle of a reply', () => {
  it('loses nothing that was shown; the reply is closed as interrupted and can be replayed and resumed', async () => {
    const first = await startReady(server.env);
    let { alice } = first;
    const { id } = await alice.conversation({ title: 'Crash' });
    const done = await alice.say(id, 'Before');
    const other = await alice.conversation();
    server.script(reply([hold()]), reply([...words(100), hold()], { delayMs: 20 }));
    const silent = await (await alice.stream(other.id, 'Hi')).count(1);
    const cut = await (await alice.stream(id, 'Hi')).count(80);
    await first.service.kill();
    await cut.done();
    expect(cut.complete).toBe(false);

    const restarted = Date.now();
    ({ alice } = await startReady(server.env));
    // What a start takes beyond three seconds is the machine's.
    const limit = 20_000 + Math.max(0, Date.now() - restarted - 3_000);
    let message = await alice.message(cut.messageId);
    while (message.status === 'streaming' && Date.now() - restarted < limit) {
      await sleep(200);
      message = await alice.message(cut.messageId);
    }
    expect(message).toMatchObject({
      status: 'interrupted',
      finish_reason: null,
      error: { code: 'interrupted', retryable: true },
    });
    expect(message.content.length).toBeGreaterThan(0);
    expect(words(100).join('').startsWith(message.content)).toBe(true);

    const replay = await (await alice.follow(cut.messageId)).done();
    expect(replay.text).toBe(message.content);
    expect(replay.last).toMatchObject({ type: 'error', data: { code: 'interrupted', retryable: true } });
    expect((await alice.history(id)).map(({ content }) => content)).toEqual([
      'Before',
      done.response,
      'Hi',
      message.content,
    ]);
    expect((await (await alice.follow(done.message.id)).done()).end.full_text).toBe(done.response);
    expect((await alice.say(id, 'After')).message.status).toBe('completed');

    expect(message.content.startsWith(cut.text)).toBe(true);
    const resumed = await (await alice.follow(cut.messageId, { 'last-event-id': cut.last.id })).done();
    expect(cut.text + resumed.text).toBe(message.content);
    expect(cut.frames.startsWith('id: ') && replay.frames.startsWith(cut.events.map(frame).join(''))).toBe(
      true,
    );
    const feed = await alice.feed(id, { 'last-event-id': cut.last.id });
    await feed.until(() => feed.last?.type === 'end');
    expect(feed.frames.startsWith(resumed.frames)).toBe(true);
    feed.close();

    const end = await (await alice.follow(silent.messageId, { 'last-event-id': silent.last.id })).done();
    expect(end.events).toMatchObject([{ type: 'error', data: { code: 'interrupted', retryable: true } }]);
    expect(await alice.history(other.id)).toMatchObject([
      { role: 'user', content: 'Hi', status: 'completed' },
      { role: 'assistant', content: '', status: 'interrupted' },
    ]);
  });
});

/** As the contract writes it. */
function frame({ id, ...event }: { id: string; type: string; data: unknown }): string {
  return `id: ${id}\ndata: ${JSON.stringify(event)}\n\n`;
}

describe('SIGTERM', () => {
  it('refuses new turns, lets a reply finish that can, ends the others, and exits', async () => {
    const { service, alice } = await startReady({ ...server.env, SHUTDOWN_GRACE_S: '2' });
    const [{ id }, second, other] = [
      await alice.conversation(),
      await alice.conversation(),
      await alice.conversation(),
    ];
    const gate = hold();
    server.script(reply(['Hel', hold()]), reply(['Hel', gate, 'lo']));
    const running = await (await alice.stream(id, 'Hi')).count(2);
    const finishing = await (await alice.stream(second.id, 'Hi')).count(2);
    service.signal('SIGTERM');
    await sleep(200);
    const ready = await alice.get('/health/ready').catch(() => undefined);
    const refused = await alice.post(`/chat/${other.id}`, { content: 'Hi' }).catch(() => undefined);
    for (const answer of [ready, refused]) {
      // The port may be closed already; what is answered must say when to come back.
      if (answer)
        expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, expect.any(String)]);
    }
    gate.release();
    expect((await finishing.done()).end.full_text).toBe('Hello');
    await running.done();
    expect(running.last).toMatchObject({ type: 'error', data: { code: 'interrupted', retryable: true } });
    expect(running.complete).toBe(true);
    expect(await service.exit).toBe(0);
  });

  it('repeated at once is the same signal; a later one ends what runs, and its readers are told', async () => {
    const { service, alice } = await startReady({
      ...server.env,
      SHUTDOWN_GRACE_S: '120',
      LOG_LEVEL: 'info',
    });
    const { id } = await alice.conversation();
    server.script(reply(['Hel', hold()]));
    const running = await (await alice.stream(id, 'Hi')).count(2);
    service.signal('SIGTERM');
    await sleep(100);
    service.signal('SIGINT');
    service.signal('SIGTERM');
    await sleep(3_000);
    expect(service.output).toContain('Waiting for 1 reply; signal again to stop it');
    expect([running.complete, running.events.length]).toEqual([undefined, 2]);
    service.signal('SIGTERM');
    await running.done();
    expect(running.last).toMatchObject({ type: 'error', data: { code: 'interrupted', retryable: true } });
    expect(running.complete).toBe(true);
    expect(await service.exit).toBe(0);
    for (const told of ['Shutdown begins', 'Shutdown waits no longer', 'Shutdown ends'])
      expect(service.output.split(`"msg":"${told}"`)).toHaveLength(2);
  }, 90_000);

  it('to npm and all that it has started, as a terminal and a service manager send it, leaves the grace and the ending', async () => {
    const service = new SpawnedService(
      directory,
      { ...server.env, SHUTDOWN_GRACE_S: '60' },
      { withNpm: true },
    );
    started.push(service);
    const alice = ApiClient.of(await service.ready(), 'alice');
    const { id } = await alice.conversation();
    const gate = hold();
    server.script(reply(['Hel', gate, 'lo']));
    const finishing = await (await alice.stream(id, 'Hi')).count(2);
    service.signalGroup('SIGTERM');
    await sleep(800);
    gate.release();
    expect((await finishing.done()).end.full_text).toBe('Hello');
    await service.silence;
  }, 120_000);

  it('does not wait for connections that were opened ahead and never used', async () => {
    const { service, url } = await startReady(server.env);
    const { hostname, port } = new URL(url);
    const unused = connect(Number(port), hostname);
    await once(unused, 'connect');
    await sleep(100);
    const began = Date.now();
    service.signal('SIGTERM');
    expect(await service.exit).toBe(0);
    expect(Date.now() - began).toBeLessThan(10_000);
    unused.destroy();
  });
});

describe('without a database', () => {
  it('a process is live and not ready, and every route says when to come back', async () => {
    const service = start({
      DATABASE_URL: 'postgres://canary:canary@127.0.0.1:1/canary',
      DB_CONNECTION_TIMEOUT_MS: '500',
    });
    const url = await service.url();
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    const alice = ApiClient.of(url, 'alice');
    for (const answer of [
      await alice.get('/health/ready'),
      await alice.get('/conversations'),
      await alice.post('/conversations', {}),
      await alice.post('/chat', { content: 'x' }),
    ]) {
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([
        503,
        expect.stringMatching(/^\d+$/),
      ]);
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(answer.text).not.toMatch(/canary|127\.0\.0\.1|ECONNREFUSED/);
    }
    expect(service.output).not.toMatch(/canary:canary/);
  });
});

describe('a start is refused', () => {
  it('with the name of every variable that makes no sense, and without its value', async () => {
    const bad = {
      PORT: 'canary',
      DATABASE_URL: 'canary',
      AUTH_MODE: 'canary',
      AUTH_TRUSTED_PROXIES: 'canary',
      CORS_ORIGINS: 'canary',
      CHAT_MAX_CONTENT_CHARS: 'canary',
      HTTP_BODY_LIMIT: 'canary',
      LLM_CONNECT_TIMEOUT_MS: 'canary',
      LLM_FIRST_EVENT_TIMEOUT_MS: '-1',
      LLM_IDLE_TIMEOUT_MS: '1.5',
      LLM_TOTAL_TIMEOUT_MS: '',
      LLM_MAX_RETRIES: '1e9',
      OPENAI_BASE_URL: 'canary',
      SHUTDOWN_GRACE_S: 'canary',
      SSE_HEARTBEAT_MS: '15001',
      LOG_LEVEL: 'canary',
      LOG_FORMAT: 'canary',
    };
    const service = start(bad);
    expect(await service.exit).toBe(1);
    const named = Object.keys(bad).filter((name) => new RegExp(`\\b${name}\\b`).test(service.output));
    expect(named).toEqual(Object.keys(bad).filter((name) => name !== 'LLM_TOTAL_TIMEOUT_MS'));
    expect(service.output).not.toMatch(/canary|\n\s+at /);
  });

  it('in production where anybody could be anyone, or any page could call', async () => {
    const open = start({ NODE_ENV: 'production' });
    const pages = start({ NODE_ENV: 'production', AUTH_PROXY_SECRET: 'x'.repeat(32), CORS_ORIGINS: '*' });
    expect([await open.exit, await pages.exit]).toEqual([1, 1]);
    expect(open.output).toMatch(/AUTH_PROXY_SECRET|AUTH_TRUSTED_PROXIES/);
    expect(pages.output).toMatch(/CORS_ORIGINS/);
  });

  it('for what is wrong in .env', async () => {
    writeFileSync(join(directory, '.env'), 'SSE_HEARTBEAT_MS=loud\n');
    const service = start({});
    expect(await service.exit).toBe(1);
    expect(service.output).toMatch(/SSE_HEARTBEAT_MS/);
  });
});

describe('a start without any configuration', () => {
  let home: string;
  let service: SpawnedService;
  let url: string;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'parley-home-'));
    service = new SpawnedService(home);
    url = await service.ready();
  });
  afterAll(async () => {
    await service.kill();
    rmSync(home, { recursive: true, force: true });
  });

  it('listens on the loopback address and keeps everything in ./data', () => {
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(readdirSync(home)).toEqual(['data']);
  });

  it('answers with the demo model, which says what it is', async () => {
    const alice = ApiClient.of(url, 'alice');
    const { id } = await alice.conversation();
    expect((await alice.say(id, 'Who are you?')).response).toMatch(/demo/i);
  });

  it.each(['/health/live', '/health/ready'])(
    'tells everybody that it is well, and no more: %s',
    async (path) => {
      const answer = await fetch(url + path);
      const text = await answer.text();
      expect([answer.status, text.length < 40]).toEqual([200, true]);
      expect(text).not.toMatch(/\d+\.\d+|postgres|host|127\.|data/i);
    },
  );

  it('keeps a second process from the same DATA_DIR', async () => {
    const second = start({ DATABASE_URL: '', DATA_DIR: join(home, 'data') });
    expect(await second.exit).toBe(1);
    expect(second.output).not.toMatch(/\n\s+at /);
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  });

  it('serves the description of the API and pages that show it, without other hosts', async () => {
    const document = (await (await fetch(`${url}/api/v1/openapi.json`)).json()) as {
      openapi: string;
      paths: object;
    };
    expect(document.openapi).toMatch(/^3\.1/);
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining([
        '/api/v1/chat',
        '/api/v1/chat/{conversation_id}/stream',
        '/api/v1/messages/{id}/stream',
      ]),
    );
    for (const page of ['docs', 'redoc']) {
      const answer = await fetch(`${url}/api/v1/${page}`);
      const html = await answer.text();
      expect([page, answer.status, answer.headers.get('content-type')]).toEqual([
        page,
        200,
        expect.stringMatching(/^text\/html/),
      ]);
      const loaded = [...html.matchAll(/(?:src|href)="(?<target>[^"]+)"/g)].map(
        (match) => match.groups?.target ?? '',
      );
      expect(loaded.filter((target) => /^(https?:)?\/\//.test(target))).toEqual([]);
      for (const target of loaded.filter((each) => /\.(js|css)$/.test(each))) {
        expect([target, (await fetch(new URL(target, `${url}/api/v1/${page}`))).status]).toEqual([
          target,
          200,
        ]);
      }
    }
  });
});
