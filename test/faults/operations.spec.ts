import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../support/api-client';
import { startModelServer, type ModelServer } from '../support/model-server';
import { reply } from '../support/model-server/behaviours';
import { SpawnedService } from '../support/spawned-service';
import { until } from '../support/until';
import { Cluster } from './support/cluster';
import { onServer } from './support/options';

/** What an operator reads in the log, and what an orchestrator is told, while a disk is full or PostgreSQL is away. */

type Line = { level: number; msg: string; err?: object; reason?: string };

/** A file system of this size can be mounted by an administrator of a Linux only. */
const canMount = process.platform === 'linux' && process.getuid?.() === 0;
const onSmallDisk = canMount ? describe : describe.skip;
const SMALL_DISK = '200m';
const MESSAGE = 90_000;

let model: ModelServer;
let directory: string;
const cleanUp: (() => Promise<unknown> | void)[] = [];
beforeAll(async () => {
  model = await startModelServer();
});
afterAll(() => model.close());
beforeEach(() => {
  model.reset();
  model.otherwise(reply('An answer.'));
  directory = mkdtempSync(join(tmpdir(), 'parley-operations-'));
  cleanUp.push(() => rmSync(directory, { recursive: true, force: true }));
});
afterEach(async () => {
  for (const step of cleanUp.splice(0).toReversed()) await step();
});

function start(env: NodeJS.ProcessEnv): SpawnedService {
  const service = new SpawnedService(directory, { ...model.env, LOG_LEVEL: 'info', ...env });
  cleanUp.push(() => service.kill());
  return service;
}

function linesOf(service: SpawnedService): Line[] {
  return service.output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
}

const told = (service: SpawnedService, msg: string) =>
  linesOf(service).filter((line) => line.msg.startsWith(msg));
const stacks = (service: SpawnedService) => linesOf(service).filter(({ err }) => err !== undefined);

function mountSmallDisk(): string {
  const disk = join(directory, 'disk');
  execFileSync('sh', [
    '-c',
    `chmod 755 ${directory} && mkdir ${disk} && mount -t tmpfs -o size=${SMALL_DISK} none ${disk}`,
  ]);
  cleanUp.push(() => void execFileSync('umount', ['-l', disk]));
  return disk;
}

/** Takes all the room that is left. Returns what gives it back. */
function fill(disk: string): () => void {
  const file = join(disk, 'filler');
  const filler = openSync(file, 'w');
  try {
    for (const piece = Buffer.alloc(64 * 1024); ;) writeSync(filler, piece);
  } catch {
    closeSync(filler);
  }
  return () => rmSync(file);
}

/** Different each time, so that nothing of it can be compressed. */
const letters = () =>
  Array.from({ length: MESSAGE / 6 }, () => Math.random().toString(36).slice(2, 8)).join('');

async function fullDisk(service: SpawnedService, disk: string): Promise<void> {
  const url = await service.ready(120_000);
  const alice = ApiClient.of(url, 'alice');
  const ready = () => fetch(`${url}/health/ready`);
  const [kept, filled] = [await alice.conversation(), await alice.conversation()];
  expect((await alice.post(`/chat/${kept.id}`, { content: 'Hi' })).status).toBe(200);
  const makeRoom = fill(disk);

  const refused = await until(async () => {
    const answer = await alice.post(`/chat/${filled.id}`, { content: letters() });
    return answer.status === 200 ? undefined : answer;
  }, 120_000);
  expect(refused).toMatchObject({ status: 503, body: { code: 'storage_full' } });
  expect(refused.headers.get('retry-after')).toBe('30');
  // Several looks later it is as full.
  await sleep(7_000);
  const probe = await ready();
  expect([probe.status, ((await probe.json()) as { code: string }).code]).toEqual([503, 'storage_full']);
  expect(told(service, 'The disk of the database is full')).toMatchObject([{ level: 50, reason: '53100' }]);
  expect(stacks(service)).toEqual([]);

  // What is there is served, and can be deleted.
  expect((await alice.get(`/conversations/${kept.id}/messages`)).status).toBe(200);
  expect((await alice.call('DELETE', `/conversations/${filled.id}`)).status).toBe(204);

  makeRoom();
  await until(async () => (await ready()).ok, 60_000);
  expect(told(service, 'The disk of the database has room again')).toHaveLength(1);
  expect((await alice.post(`/chat/${kept.id}`, { content: letters() })).status).toBe(200);
  expect(told(service, 'The disk of the database is full')).toHaveLength(1);
}

onSmallDisk('a disk that is full', () => {
  it('of the embedded database is named, and what is there can be read and deleted', async () => {
    const disk = mountSmallDisk();
    await fullDisk(start({ DATA_DIR: join(disk, 'data') }), disk);
  }, 300_000);
});

onServer('PostgreSQL', () => {
  (canMount ? it : it.skip)(
    'on a disk that is full is named, and what is there can be read and deleted',
    async () => {
      const disk = mountSmallDisk();
      const cluster = await Cluster.create(disk);
      cleanUp.push(() => cluster.remove());
      await fullDisk(start({ DATABASE_URL: cluster.url }), disk);
    },
    300_000,
  );

  it('that is stopped in the middle is told as lost once, and as back once', async () => {
    const cluster = await Cluster.create();
    cleanUp.push(() => cluster.remove());
    const service = start({ DATABASE_URL: cluster.url });
    const alice = ApiClient.of(await service.ready(), 'alice');
    const { id } = await alice.conversation();
    const feed = await alice.open('GET', `/chat/${id}/stream`);
    const before = stacks(service).length;
    await cluster.crash();
    for (let second = 0; second < 12; second += 1) {
      expect((await alice.post(`/chat/${id}`, { content: 'Hi' })).status).toBe(503);
      await sleep(1_000);
    }
    await cluster.start();
    await until(async () => told(service, 'The database is back').length > 0, 60_000);
    await until(async () => (await alice.post(`/chat/${id}`, { content: 'Hi' })).status === 200, 60_000);
    feed.close();
    expect(told(service, 'The database is lost')).toHaveLength(1);
    expect(told(service, 'The database is back')).toHaveLength(1);
    expect(stacks(service).slice(before)).toEqual([]);
  }, 180_000);
});

it('an end in order is told from its begin to its end', async () => {
  const service = start({});
  await service.ready();
  service.signal('SIGTERM');
  expect(await service.exit).toBe(0);
  expect(told(service, 'Shutdown').map(({ msg }) => msg)).toEqual(['Shutdown begins', 'Shutdown ends']);
  expect(linesOf(service).at(-1)?.msg).toBe('Shutdown ends');
}, 120_000);
