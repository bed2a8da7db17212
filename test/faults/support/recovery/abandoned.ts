import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ModelServer, startModelServer } from '../../../support/model-server';
import { SpawnedService } from '../../../support/spawned-service';
import { createTestDatabase, type TestDatabase } from '../../../support/test-database';
import { type Observation, observe } from '../attacks/innocent';
import { memoryOf } from '../memory';
import type { Task } from './leave-behind';
import type { Shape } from './left-behind';

const RUN = join(__dirname, '../../../integration/database/child/run-typescript.cjs');

/** What was seen of a service from its start on. */
export interface Recovered {
  readyMs: number;
  innocent: Observation;
  /** Resident memory in megabytes, at its highest since the process began. */
  memoryPeak: number;
  /** What it says of replies that nobody was writing any more: how many, and when after its readiness. */
  closed: { replies: number; ms: number }[];
}

function closedIn(output: string, readyAt: number): Recovered['closed'] {
  const lines = output.matchAll(/^\{.*"time":(\d+),.*"msg":"Closed (\d+) replies.*$/gm);
  return Array.from(lines, ([, time, replies]) => ({ replies: Number(replies), ms: Number(time) - readyAt }));
}

/** A database that somebody has left without an end, and the service that comes next. */
export class Abandoned {
  private readonly directory = mkdtempSync(join(tmpdir(), 'parley-recovery-'));
  private service: SpawnedService | undefined;

  private constructor(
    private readonly database: TestDatabase,
    private readonly model: ModelServer,
  ) {}

  static async create(): Promise<Abandoned> {
    return new Abandoned(await createTestDatabase(), await startModelServer());
  }

  /** Answers how many bytes of journal there are. */
  async leave(shape: Shape, before: boolean): Promise<number> {
    const { url, dataDir } = this.database.config;
    const task: Task = { database: { url, dataDir }, shape, before };
    const child = fork(RUN, [join(__dirname, 'leave-behind.ts'), JSON.stringify(task)], { execArgv: [] });
    let bytes = 0;
    child.on('message', (message: { bytes: number }) => (bytes = message.bytes));
    const [code] = (await once(child, 'exit')) as [number];
    if (code !== 0) throw new Error('The database could not be filled.');
    return bytes;
  }

  /** Starts the service and looks at it until the work is done, which begins as soon as it is ready. */
  async serve(work: (url: string) => Promise<unknown>): Promise<Recovered> {
    const { url: databaseUrl, dataDir } = this.database.config;
    const began = performance.now();
    this.service = new SpawnedService(this.directory, {
      ...(databaseUrl ? { DATABASE_URL: databaseUrl } : { DATA_DIR: dataDir }),
      ...this.model.env,
    });
    const url = await this.service.ready();
    const [readyMs, readyAt] = [performance.now() - began, Date.now()];
    const { pid } = this.service;
    const { peak } = memoryOf(pid);
    const innocent = await observe({ url, pid, identity: { 'x-user-id': 'innocent' } }, work(url));
    return {
      readyMs,
      innocent,
      memoryPeak: Math.max(peak, innocent.memoryPeak),
      closed: closedIn(this.service.output, readyAt),
    };
  }

  /** Kills the service and removes everything. */
  async close(): Promise<void> {
    await this.service?.kill();
    // A server's connections notice a little later.
    await sleep(100);
    await this.model.close();
    await this.database.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
