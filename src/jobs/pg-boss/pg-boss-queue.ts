import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobWithMetadata, PgBoss } from 'pg-boss';
import { detached } from '../../common/detached';
import { unavailable } from '../../database/database-error';
import { Observer } from '../../observability/observer';
import {
  JobOverdue,
  JobQueue,
  type EnqueueOptions,
  type JobRun,
  type JobSchedule,
  type JobType,
} from '../job-queue';
import { ShutdownGrace } from '../shutdown-grace';
import { Boss, DEAD, DEAD_TYPE, type Payload } from './boss';
import { JobPlaces } from './job-places';
import { QueueRepository } from './queue.repository';

/** Not while the process starts, unless somebody wants it: what waits can wait a moment longer. */
const START_MS = 2_000;
const RETRY_START_MS = 5_000;
/** Between two looks for jobs that became due, or that another process has left to us or lost. Those of this process begin at once. */
const POLL_MS = 15_000;

interface Work {
  type: JobType;
  handler: (run: JobRun) => Promise<void>;
  dead?: (data: unknown) => Promise<void>;
}

/**
 * The queue on pg-boss, by the pool that everything else uses: a pool of one session (embedded) and a transaction pooler do, since it
 * holds no session and listens to none. README.md of `jobs/` says what holds, decision 042 why.
 */
@Injectable()
export class PgBossQueue
  extends JobQueue
  implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown
{
  private readonly logger = new Logger(PgBossQueue.name);
  private readonly works = new Map<string, Work>();
  /** Those that are to be set at the start. */
  private readonly schedules: { type: string; schedule: JobSchedule }[] = [];
  private readonly places = new Map<string, JobPlaces>();
  private readonly running = new Set<Promise<void>>();
  private readonly ending = new AbortController();
  private started: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private drained: Promise<void> = Promise.resolve();

  constructor(
    private readonly boss: Boss,
    private readonly repository: QueueRepository,
    private readonly grace: ShutdownGrace,
    private readonly observer: Observer,
  ) {
    super();
    // First: the queues of all others name this one.
    this.work(DEAD_TYPE, ({ data }) => this.bury(data as Payload));
  }

  override work(type: JobType, handler: Work['handler'], dead?: Work['dead']): void {
    this.works.set(type.name, { type, handler, dead });
  }

  override async enqueue(type: string, data: object, { key, afterS }: EnqueueOptions = {}): Promise<void> {
    const work = this.works.get(type);
    if (!work) throw new Error(`Nobody runs jobs of the type ${type}`);
    await this.ready();
    const options = { singletonKey: key ?? randomUUID(), ...(afterS && { startAfter: afterS }) };
    await this.boss.send(work.type, data, options);
    if (!afterS) this.repository.afterCommit(() => this.wake(type, 1));
  }

  override async schedule(type: string, schedule: JobSchedule): Promise<void> {
    if (!this.places.size) this.schedules.push({ type, schedule });
    else await this.boss.setSchedule(type, schedule);
  }

  override async cancel(type: string, key: string): Promise<void> {
    const boss = await this.ready();
    const jobs = await boss.findJobs(type, { key });
    const open = jobs.filter(({ state }) => state === 'created' || state === 'retry' || state === 'active');
    const ids = open.map(({ id }) => id);
    if (ids.length) await boss.cancel(type, ids);
  }

  onApplicationBootstrap(): void {
    void this.startLater();
  }

  /** Begins to end while replies are still given their time. */
  onModuleDestroy(): void {
    this.drained = this.drain();
  }

  /** What still runs is handed back: another process, or this one started again, tries it once more. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.drained;
    await this.started?.catch(() => undefined);
    await this.boss.stop().catch((err: unknown) => this.report(err));
  }

  /**
   * Inside of a transaction the start is not waited for: it needs a session, and the caller may hold the only one. It is not needed either
   * (`Boss.send`).
   */
  private async ready(): Promise<PgBoss> {
    if (!this.repository.available) throw unavailable();
    const started = this.start();
    if (!this.repository.inTransaction) await started;
    return this.boss.load();
  }

  private async startLater(): Promise<void> {
    await this.repository.whenAvailable();
    if (!this.ending.signal.aborted) this.timer = setTimeout(() => void this.start(), START_MS).unref();
  }

  private start(): Promise<void> {
    this.started ??= detached(() => this.open());
    // Whoever waits for it hears of it.
    this.started.catch(() => undefined);
    return this.started;
  }

  private async open(): Promise<void> {
    clearTimeout(this.timer);
    while (!(await this.tryStart()))
      await sleep(RETRY_START_MS, undefined, { ref: false, signal: this.ending.signal }).catch(
        () => undefined,
      );
    const boss = await this.boss.load();
    for (const { type } of this.works.values()) {
      const places = new JobPlaces(boss, type.name, type.concurrency, (job) => this.run(job));
      this.places.set(type.name, places);
    }
    void this.poll();
  }

  private async tryStart(): Promise<boolean> {
    if (this.ending.signal.aborted) throw unavailable();
    try {
      await this.boss.start([...this.works.values()].map(({ type }) => type));
      for (const { type, schedule } of this.schedules) await this.boss.setSchedule(type, schedule);
      return true;
    } catch (err) {
      this.logger.warn({ err }, 'The job queue could not be started; again soon');
      return false;
    }
  }

  private async poll(): Promise<void> {
    if (this.ending.signal.aborted) return;
    try {
      for (const { name, jobs, lost } of await this.repository.ready()) {
        if (lost) await this.boss.reclaim(name);
        this.wake(name, jobs);
      }
    } catch (err) {
      this.report(err);
    }
    this.timer = setTimeout(() => void this.poll(), POLL_MS).unref();
  }

  private wake(type: string, jobs: number): void {
    detached(() => this.places.get(type)?.wake(jobs))?.catch((err: unknown) => this.report(err));
  }

  private async run(job: JobWithMetadata): Promise<void> {
    const type = job.name;
    const work = this.works.get(type);
    if (!work) throw new Error(`Nobody runs jobs of the type ${type}`);
    // Not `AbortSignal.timeout`, whose timer would outlast the job.
    const overdue = new AbortController();
    const timer = setTimeout(() => overdue.abort(new JobOverdue()), work.type.timeoutMs);
    const signal = AbortSignal.any([job.signal, overdue.signal]);
    // What was given up comes with its type.
    const data = type === DEAD ? job.data : (job.data as Payload).data;
    const began = performance.now();
    const running = work.handler({ data, last: job.retryCount >= job.retryLimit, signal });
    const settled = running.catch(() => undefined);
    this.running.add(settled);
    try {
      await running;
      this.observer.jobEnded({ type, outcome: 'done', ms: performance.now() - began });
    } catch (err) {
      this.observer.jobEnded({ type, outcome: 'failed', ms: performance.now() - began });
      this.logger.warn({ err, job: job.id, type, attempt: job.retryCount + 1 }, 'A job failed');
      // pg-boss stores what it is given, causes included: an error of the database would have the texts of a statement.
      // eslint-disable-next-line preserve-caught-error
      throw new Error('The job failed.');
    } finally {
      clearTimeout(timer);
      this.running.delete(settled);
    }
  }

  private async bury({ type, data }: Payload): Promise<void> {
    this.logger.error({ type }, 'A job was given up');
    await this.works.get(type)?.dead?.(data);
  }

  private async drain(): Promise<void> {
    this.ending.abort();
    clearTimeout(this.timer);
    for (const places of this.places.values()) places.close();
    if (!this.places.size) return;
    const boss = await this.boss.load();
    await Promise.all([...this.places.keys()].map((type) => boss.offWork(type, { wait: false })));
    if (!this.running.size) return;
    this.logger.log(`Waiting for ${this.running.size} jobs; signal again to hand them back`);
    await this.grace.until(Promise.all(this.running));
  }

  private report(err: unknown): void {
    if (!this.ending.signal.aborted) this.logger.warn({ err }, 'The job queue has a problem; it goes on');
  }
}
