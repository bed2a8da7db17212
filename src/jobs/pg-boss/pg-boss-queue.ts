import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConstructorOptions, JobWithMetadata, PgBoss } from 'pg-boss';
import { detached } from '../../common/detached';
import { AppConfig } from '../../config/app-config';
import { JOB_BOUNDS } from '../../config/bounds';
import { unavailable } from '../../database/database-error';
import { DatabaseState } from '../../database/database-state';
import { TransactionRunner } from '../../database/transaction-runner';
import { Draining } from '../../http/draining';
import { JobQueue, type EnqueueOptions, type JobRun, type JobSchedule, type JobType } from '../job-queue';
import { JobPlaces } from './job-places';
import { QueueRepository } from './queue.repository';

/** Not while the process starts, unless somebody wants it: what waits can wait a moment longer. */
const START_MS = 2_000;
const RETRY_START_MS = 5_000;
/** Between two looks for jobs that became due, or that another process has left to us. Those of this process begin at once. */
const POLL_MS = 15_000;
/** How long a process that has died holds its jobs, at least; pg-boss looks every `superviseIntervalSeconds`. */
const HEARTBEAT_S = 20;
/** From the signal that a job has had its time to its being tried again although its handler goes on. */
const EXPIRY_MARGIN_S = 30;
const MOST_RETRY_DELAY_S = 3600;
/** What pg-boss keeps of a job that is over. */
const KEPT_S = JOB_BOUNDS.endedQueueEntries.limit / 1000;
/** Where jobs come that were given up. */
const DEAD = 'dead';
const DEAD_TYPE: JobType = { name: DEAD, concurrency: 1, attempts: 5, retryDelayS: 10, timeoutMs: 60_000 };

/** `notifyWorker` begins what is local and a poll of ours finds the rest, so that pg-boss itself has to ask for little. */
const QUIET = {
  schema: 'jobs',
  migrate: false,
  createSchema: false,
  registerInstance: false,
  reindex: false,
  monitorVacuum: false,
  persistWarnings: false,
  superviseIntervalSeconds: 120,
  monitorIntervalSeconds: 120,
  maintenanceIntervalSeconds: 3600,
  queueCacheIntervalSeconds: 600,
  flowIntervalSeconds: 24 * 3600,
  bamIntervalSeconds: 24 * 3600,
  clockMonitorIntervalSeconds: 600,
  cronMonitorIntervalSeconds: 45,
  cronWorkerIntervalSeconds: 45,
} satisfies ConstructorOptions;

/** What pg-boss stores. */
interface Payload {
  type: string;
  data: unknown;
}

interface Work {
  type: JobType;
  handler: (run: JobRun) => Promise<void>;
  dead?: (data: unknown) => Promise<void>;
}

/**
 * The queue on pg-boss, by the pool that everything else uses: a pool of one session (embedded) and a transaction pooler do, since it
 * holds no session and listens to none. README.md of `jobs/` says how it is tuned, and why.
 */
@Injectable()
export class PgBossQueue
  extends JobQueue
  implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown
{
  private readonly logger = new Logger(PgBossQueue.name);
  private readonly handlers = new Map<string, Work>();
  /** Those that are to be set at the start. */
  private readonly schedules: { type: string; schedule: JobSchedule }[] = [];
  private readonly places = new Map<string, JobPlaces>();
  private readonly running = new Set<Promise<void>>();
  private readonly ending = new AbortController();
  private loaded: Promise<PgBoss> | undefined;
  private started: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private drained: Promise<void> = Promise.resolve();

  constructor(
    private readonly db: TransactionRunner,
    private readonly database: DatabaseState,
    private readonly repository: QueueRepository,
    private readonly draining: Draining,
    private readonly config: AppConfig,
  ) {
    super();
    this.work(DEAD_TYPE, ({ data }) => this.bury(data as Payload));
  }

  override work(type: JobType, handler: Work['handler'], dead?: Work['dead']): void {
    this.handlers.set(type.name, { type, handler, dead });
  }

  override async enqueue(type: string, data: object, { key, afterS }: EnqueueOptions = {}): Promise<void> {
    const boss = await this.bossFor();
    const options = { singletonKey: key ?? randomUUID(), ...(afterS && { startAfter: afterS }) };
    await boss.send(type, { type, data }, options).catch(asUnavailable);
    if (!afterS) this.db.afterCommit(() => this.wake(type));
  }

  override async schedule(type: string, schedule: JobSchedule): Promise<void> {
    if (!this.places.size) this.schedules.push({ type, schedule });
    else await this.setSchedule(await this.bossFor(), type, schedule);
  }

  override async cancel(type: string, key: string): Promise<void> {
    const boss = await this.bossFor();
    const jobs = await boss.findJobs(type, { key });
    const open = jobs.filter(({ state }) => state === 'created' || state === 'retry' || state === 'active');
    if (open.length)
      await boss.cancel(
        type,
        open.map(({ id }) => id),
      );
  }

  onApplicationBootstrap(): void {
    void this.database.whenReady().then(() => {
      this.timer = setTimeout(() => void this.start(), START_MS).unref();
    });
  }

  /** Begins to end while replies are still given their time. */
  onModuleDestroy(): void {
    this.drained = this.drain();
  }

  /** What still runs is handed back: another process, or this one started again, tries it once more. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.drained;
    if (!this.started) return;
    const boss = await this.loaded;
    await this.started.catch(() => undefined);
    await boss?.stop({ graceful: false, close: false }).catch((err: unknown) => this.report(err));
  }

  /**
   * Inside of a transaction the start is not waited for: it needs a session, and the caller may hold the only one. It is not needed either, but
   * once for each new type, whose queue is made by it.
   */
  private async bossFor(): Promise<PgBoss> {
    if (!this.database.ready) throw unavailable();
    const started = this.start();
    if (this.db.inTransaction) return this.load();
    await started;
    return this.load();
  }

  private load(): Promise<PgBoss> {
    this.loaded ??= detached(async () => {
      // When it is needed: it takes a tenth of a second to load.
      const { PgBoss } = await import('pg-boss');
      const boss = new PgBoss({
        ...QUIET,
        backend: this.database.exclusive ? 'pglite' : 'postgres',
        db: { executeSql: (text, values) => this.repository.executeSql(text, values) },
      });
      boss.on('error', (err) => this.report(err));
      boss.on('warning', ({ message }) => this.logger.debug(message));
      return boss;
    });
    return this.loaded;
  }

  private start(): Promise<void> {
    this.started ??= detached(() => this.open());
    // Whoever waits for it hears of it.
    this.started.catch(() => undefined);
    return this.started;
  }

  private async open(): Promise<void> {
    clearTimeout(this.timer);
    await this.database.whenReady();
    const boss = await this.load();
    for (;;) {
      if (this.ending.signal.aborted) throw unavailable();
      try {
        await boss.start();
        if (this.database.exclusive) await this.handBack(boss);
        await this.declare(boss);
        break;
      } catch (err) {
        this.logger.warn({ err }, 'The job queue could not be started; again soon');
        await sleep(RETRY_START_MS, undefined, { ref: false, signal: this.ending.signal }).catch(
          () => undefined,
        );
      }
    }
    for (const { type } of this.handlers.values())
      this.places.set(type.name, new JobPlaces(boss, type.name, type.concurrency, (job) => this.run(job)));
    void this.poll();
  }

  /** Nobody else works with this database: whatever is active was begun by a process that has died. */
  private async handBack(boss: PgBoss): Promise<void> {
    for (const { name, ids } of await this.repository.active())
      await boss.fail(name, ids, { message: 'The process ended.' });
  }

  /** Queues of pg-boss are rows: what is there already and right is left alone. */
  private async declare(boss: PgBoss): Promise<void> {
    const known = new Map((await boss.getQueues()).map((queue) => [queue.name, queue]));
    for (const { type } of this.handlers.values()) {
      const { name, attempts, retryDelayS, timeoutMs } = type;
      const options = {
        retryLimit: attempts - 1,
        retryDelay: retryDelayS,
        retryBackoff: true,
        retryDelayMax: MOST_RETRY_DELAY_S,
        expireInSeconds: Math.ceil(timeoutMs / 1000) + EXPIRY_MARGIN_S,
        heartbeatSeconds: HEARTBEAT_S,
        deleteAfterSeconds: KEPT_S,
        ...(name !== DEAD && { deadLetter: DEAD }),
      };
      const queue = known.get(name);
      if (!queue)
        await boss.createQueue(name, { policy: name === DEAD ? 'standard' : 'exclusive', ...options });
      else if (!isLike(queue, options)) await boss.updateQueue(name, options);
    }
    for (const { type, schedule } of this.schedules.splice(0)) await this.setSchedule(boss, type, schedule);
  }

  private async setSchedule(boss: PgBoss, type: string, schedule: JobSchedule): Promise<void> {
    const { key, cron, timeZone = 'UTC', data = {} } = schedule;
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

  private async poll(): Promise<void> {
    if (this.ending.signal.aborted) return;
    try {
      for (const { name, jobs } of await this.repository.ready()) void this.wake(name, jobs);
    } catch (err) {
      this.report(err);
    }
    this.timer = setTimeout(() => void this.poll(), POLL_MS).unref();
  }

  private wake(type: string, jobs = 1): void {
    detached(() => this.places.get(type)?.wake(jobs))?.catch((err: unknown) => this.report(err));
  }

  private async run(job: JobWithMetadata<object>): Promise<void> {
    const type = job.name;
    const work = this.handlers.get(type);
    if (!work) throw new Error(`Nobody runs jobs of the type ${type}`);
    // Not `AbortSignal.timeout`, whose timer would outlast the job.
    const overdue = new AbortController();
    const timer = setTimeout(() => overdue.abort(new Error('The job has had its time.')), work.type.timeoutMs);
    const signal = AbortSignal.any([job.signal, overdue.signal]);
    // What was given up comes with its type.
    const data = type === DEAD ? job.data : (job.data as Payload).data;
    const running = work.handler({ data, last: job.retryCount >= job.retryLimit, signal });
    const settled = running.catch(() => undefined);
    this.running.add(settled);
    try {
      await running;
    } catch (err) {
      this.logger.warn({ err, job: job.id, type, attempt: job.retryCount + 1 }, 'A job failed');
      throw err;
    } finally {
      clearTimeout(timer);
      this.running.delete(settled);
    }
  }

  private async bury({ type, data }: Payload): Promise<void> {
    this.logger.error({ type }, 'A job was given up');
    await this.handlers.get(type)?.dead?.(data);
  }

  private async drain(): Promise<void> {
    this.ending.abort();
    clearTimeout(this.timer);
    for (const places of this.places.values()) places.close();
    if (!this.places.size) return;
    const boss = await this.load();
    await Promise.all([...this.places.keys()].map((type) => boss.offWork(type, { wait: false })));
    if (!this.running.size) return;
    this.logger.log(`Waiting for ${this.running.size} jobs; signal again to hand them back`);
    const enough = new AbortController();
    const signal = AbortSignal.any([this.draining.skipGrace, enough.signal]);
    const grace = sleep(this.config.chat.shutdownGraceMs, undefined, { ref: false, signal }).catch(
      () => undefined,
    );
    await Promise.race([Promise.all(this.running), grace]);
    enough.abort();
  }

  private report(err: unknown): void {
    if (!this.ending.signal.aborted) this.logger.warn({ err }, 'The job queue has a problem; it goes on');
  }
}

/** Before the first start of a version has made the queue of a new type. */
function asUnavailable(error: unknown): never {
  throw error instanceof Error && /^Queue .* does not exist$/.test(error.message)
    ? unavailable(error)
    : error;
}

function isLike(queue: object, options: object): boolean {
  const known = queue as Record<string, unknown>;
  return Object.entries(options).every(([name, value]) => known[name] === value);
}
