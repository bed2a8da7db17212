import { Injectable, Logger } from '@nestjs/common';
import type { ConstructorOptions, PgBoss, SendOptions } from 'pg-boss';
import { detached } from '../../common/detached';
import { JOB_BOUNDS } from '../../config/bounds';
import { DatabaseState } from '../../database/database-state';
import type { JobSchedule, JobType } from '../job-queue';
import { QueueRepository } from './queue.repository';

/** How long a process that has died holds its jobs, at least; `PgBossQueue` looks for them. */
const HEARTBEAT_S = 20;
/** From the signal that a job has had its time to its being tried again although its handler goes on. */
const EXPIRY_MARGIN_S = 30;
const LONGEST_RETRY_DELAY_S = 3600;
/** What pg-boss keeps of a job that is over. */
const KEPT_S = JOB_BOUNDS.endedQueueEntries.limit / 1000;
/** Where jobs come that were given up. */
export const DEAD = 'dead';
export const DEAD_TYPE: JobType = {
  name: DEAD,
  concurrency: 1,
  attempts: 5,
  retryDelayS: 10,
  timeoutMs: 60_000,
};

/** `JobPlaces` begin what is local and a poll of ours finds the rest, so that pg-boss itself has to ask for little and seldom. */
const QUIET = {
  schema: 'jobs',
  migrate: false,
  createSchema: false,
  registerInstance: false,
  reindex: false,
  monitorVacuum: false,
  persistWarnings: false,
  superviseIntervalSeconds: 600,
  // `reclaim` has no effect within so many seconds of the last time.
  monitorIntervalSeconds: 5,
  maintenanceIntervalSeconds: 3600,
  queueCacheIntervalSeconds: 600,
  flowIntervalSeconds: 24 * 3600,
  bamIntervalSeconds: 24 * 3600,
  clockMonitorIntervalSeconds: 600,
  cronMonitorIntervalSeconds: 45,
  cronWorkerIntervalSeconds: 45,
} satisfies ConstructorOptions;

/** What pg-boss stores of a job. */
export interface Payload {
  type: string;
  data: unknown;
}

/** pg-boss as this service uses it: on the pool that everything else uses, by the schema of our migration. */
@Injectable()
export class Boss {
  private readonly logger = new Logger(Boss.name);
  private loaded: Promise<PgBoss> | undefined;

  constructor(
    private readonly repository: QueueRepository,
    private readonly database: DatabaseState,
  ) {}

  /** Jobs can be enqueued, before it is started as well. Loaded when it is needed: that takes a tenth of a second. */
  load(): Promise<PgBoss> {
    this.loaded ??= detached(async () => {
      const { PgBoss } = await import('pg-boss');
      const boss = new PgBoss({
        ...QUIET,
        backend: this.database.exclusive ? 'pglite' : 'postgres',
        db: { executeSql: (text, values) => this.repository.executeSql(text, values) },
      });
      boss.on('error', (err) => this.logger.warn({ err }, 'The job queue has a problem; it goes on'));
      boss.on('warning', ({ message }) => this.logger.debug(message));
      return boss;
    });
    return this.loaded;
  }

  async start(types: readonly JobType[]): Promise<void> {
    const boss = await this.load();
    await boss.start();
    if (this.database.exclusive) await this.handBack(boss);
    const known = new Map((await boss.getQueues()).map((queue) => [queue.name, queue]));
    // Queues of pg-boss are rows: what is there already and right is left alone.
    for (const type of types) {
      const { name } = type;
      const options = optionsOf(type);
      const queue = known.get(name);
      if (!queue) await boss.createQueue(name, { policy: policyOf(type), ...options });
      else if (!isLike(queue, options)) await boss.updateQueue(name, options);
    }
  }

  /** In the transaction of the caller, if there is one; also before the first start of a version, which makes the queues of new types. */
  async send(type: JobType, data: object, options: SendOptions): Promise<void> {
    const boss = await this.load();
    const send = () => boss.send(type.name, { type: type.name, data } satisfies Payload, options);
    try {
      await send();
    } catch (error) {
      if (!(error instanceof Error && error.message === `Queue ${type.name} does not exist`)) throw error;
      // Not pg-boss's own way, which has a transaction of its own.
      for (const each of [DEAD_TYPE, type])
        await this.repository.createQueue(each.name, { policy: policyOf(each), ...optionsOf(each) });
      await send();
    }
  }

  async setSchedule(type: string, schedule: JobSchedule): Promise<void> {
    const { key, cron, timeZone = 'UTC', data = {} } = schedule;
    const boss = await this.load();
    const known = await boss.getSchedule(type, key);
    if (cron === null) {
      if (known) await boss.unschedule(type, key);
    } else if (known?.cron !== cron || known.timezone !== timeZone)
      // A run that waits or goes on is enough.
      await boss.schedule(
        type,
        cron,
        { type, data },
        { key, tz: timeZone, missed: 'once', singletonKey: `schedule ${key}` },
      );
  }

  /** What processes that have died were doing of a type counts as failed, and so is tried again. Several may do this at once. */
  async reclaim(type: string): Promise<void> {
    const boss = await this.load();
    await boss.supervise(type);
  }

  /** What still runs is failed, and so tried again. */
  async stop(): Promise<void> {
    const boss = await this.loaded;
    await boss?.stop({ graceful: false, close: false });
  }

  /** Nobody else works with this database: whatever is active was begun by a process that has died. */
  private async handBack(boss: PgBoss): Promise<void> {
    for (const { name, ids } of await this.repository.active())
      await boss.fail(name, ids, { message: 'The process ended.' });
  }
}

/** One job for a key while it waits or runs; what was given up may be so twice. */
function policyOf({ name }: JobType) {
  return name === DEAD ? 'standard' : 'exclusive';
}

function optionsOf({ name, attempts, retryDelayS, longestRetryDelayS, timeoutMs }: JobType) {
  return {
    retryLimit: attempts - 1,
    retryDelay: retryDelayS,
    retryBackoff: true,
    retryDelayMax: longestRetryDelayS ?? LONGEST_RETRY_DELAY_S,
    expireInSeconds: Math.ceil(timeoutMs / 1000) + EXPIRY_MARGIN_S,
    heartbeatSeconds: HEARTBEAT_S,
    deleteAfterSeconds: KEPT_S,
    ...(name !== DEAD && { deadLetter: DEAD }),
  };
}

function isLike(queue: object, options: object): boolean {
  const known = queue as Record<string, unknown>;
  return Object.entries(options).every(([name, value]) => known[name] === value);
}
