import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../support/api-client';
import { percentile } from '../../support/percentile';
import { SpawnedService } from '../../support/spawned-service';

/*
 * Clients that take and do not give, in short: the service is a process of its own, so that its descriptors and its memory are its own.
 */

let directory: string;
let service: SpawnedService;
let url: string;
const sockets = new Set<Socket>();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'parley-exhaustion-'));
  await start();
}, 60_000);
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});
afterAll(async () => {
  await service.kill();
  rmSync(directory, { recursive: true, force: true });
});

async function start(env: NodeJS.ProcessEnv = {}): Promise<void> {
  service = new SpawnedService(directory, env);
  url = await service.ready();
}

/** A connection that has sent this much; what comes back is not read if it is `deaf`. */
function open(text: string, deaf = false): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  sockets.add(socket);
  socket.on('error', () => undefined);
  if (deaf) socket.pause();
  else socket.resume();
  if (text) socket.write(text);
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(socket));
    socket.once('close', () => resolve(socket));
  });
}

const openMany = (count: number, text: string, deaf = false) =>
  Promise.all(Array.from({ length: count }, () => open(text, deaf)));

function request(path: string, more = '', body = ''): string {
  return `${body ? 'POST' : 'GET'} /api/v1${path} HTTP/1.1\r\nHost: localhost\r\nX-User-ID: greedy\r\n${more}\r\n${body}`;
}

function descriptors(): number {
  return readdirSync(`/proc/${service.pid}/fd`).length;
}

/** How long a client that behaves waits for answers, in milliseconds, while something goes on. */
async function latencies(whileIt: Promise<unknown>): Promise<number[]> {
  const polite = ApiClient.of(url, 'polite');
  const measured: number[] = [];
  const over = new AbortController();
  void whileIt.finally(() => over.abort());
  while (!over.signal.aborted) {
    const began = performance.now();
    const { status } = await polite.get('/conversations');
    measured.push(performance.now() - began);
    expect(status).toBe(200);
    await sleep(20);
  }
  return measured;
}

async function expectServed(): Promise<void> {
  const api = ApiClient.of(url, 'afterwards');
  const { id } = await api.conversation();
  expect((await api.say(id, 'Still there?')).message.status).toBe('completed');
}

function expectUnharmed(): void {
  expect(service.output).not.toMatch(/"level":60|uncaught|heap out of memory/i);
}

it('slow headers, slow bodies and slow readers do not slow down others', async () => {
  const dripping = async () => {
    const body = request('/conversations', 'Content-Type: application/json\r\nContent-Length: 9999\r\n', '{');
    const slow = [
      ...(await openMany(150, 'GET /api/v1/models HTTP/1.1\r\nHost: localhost\r\nX-')),
      ...(await openMany(150, body)),
    ];
    await openMany(100, request('/openapi.json'), true);
    for (let second = 0; second < 4; second += 1) {
      for (const socket of slow) socket.write(' ');
      await sleep(1_000);
    }
  };
  const quiet = percentile(await latencies(sleep(1_000)), 0.95);
  const measured = await latencies(dripping());
  expect(measured.length).toBeGreaterThan(20);
  // Or what is usual on a machine that is busy with other things.
  expect(percentile(measured, 0.95)).toBeLessThan(Math.max(1_500, 5 * quiet));
  await expectServed();
  expectUnharmed();
}, 150_000);

it('readers that all vanish at once leave nothing open, and their replies end', async () => {
  const api = ApiClient.of(url, 'greedy');
  await expectServed();
  const baseline = descriptors();
  const [rounds, readers] = [3, 60];
  for (let round = 0; round < rounds; round += 1) {
    const body = JSON.stringify({ content: 'Tell me everything.' });
    const head = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
    const streams = await openMany(readers, request('/chat', head, body));
    await Promise.all(
      streams.map((stream) => new Promise<void>((resolve) => stream.once('data', () => resolve()))),
    );
    for (const stream of streams) stream.destroy();
  }
  const ended = async () =>
    (await api.get<{ total: { replies: number } }>('/usage')).body.total.replies === rounds * readers;
  for (const end = Date.now() + 20_000; Date.now() < end && !(await ended());) await sleep(100);
  expect(await ended()).toBe(true);
  for (const end = Date.now() + 5_000; descriptors() > baseline + 10 && Date.now() < end;) await sleep(50);
  expect(descriptors()).toBeLessThanOrEqual(baseline + 10);
  expectUnharmed();
}, 150_000);

it('more connections than there are descriptors: who is in is served, and everybody is once some have left', async () => {
  execFileSync('prlimit', ['--pid', String(service.pid), '--nofile=256:256']);
  // Those with higher numbers were there before.
  const higher = readdirSync(`/proc/${service.pid}/fd`).filter((number) => Number(number) >= 256).length;
  const idle = await openMany(400, '');
  await sleep(500);
  expect(descriptors()).toBeGreaterThan(200);
  expect(descriptors()).toBeLessThanOrEqual(256 + higher);
  for (const socket of idle) socket.destroy();
  const end = Date.now() + 5_000;
  while (descriptors() > 100 && Date.now() < end) await sleep(50);
  await expectServed();
  expectUnharmed();
}, 150_000);

it('too much of everything on a small heap is refused or done, and over soon afterwards', async () => {
  await service.kill();
  await start({ NODE_OPTIONS: '--max-old-space-size=256', DB_CONNECTION_TIMEOUT_MS: '2000' });
  const { pid } = service;
  const statuses = new Map<number, number>();
  const client = async (name: string) => {
    const api = ApiClient.of(url, name);
    const content = 'word '.repeat(4_000);
    for (const end = Date.now() + 4_000; Date.now() < end;) {
      const answers = await Promise.all([
        api.post('/chat', { content }, { 'Idempotency-Key': crypto.randomUUID() }),
        api.get('/conversations?limit=100'),
        api.post('/conversations', { system_prompt: content }),
      ]);
      for (const { status } of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 80 }, (_, i) => client(`user${i}`)));
  expect([...statuses.keys()].filter((status) => ![200, 201, 429, 503].includes(status))).toEqual([]);
  expect((statuses.get(200) ?? 0) + (statuses.get(201) ?? 0)).toBeGreaterThan(0);
  const recovered = Date.now();
  for (;;) {
    const began = performance.now();
    const { status } = await ApiClient.of(url, 'afterwards').get('/conversations');
    if (status === 200 && performance.now() - began < 100) break;
    expect(Date.now() - recovered).toBeLessThan(10_000);
  }
  await expectServed();
  expect(service.pid).toBe(pid);
  expectUnharmed();
}, 150_000);
