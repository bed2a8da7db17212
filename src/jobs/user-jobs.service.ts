import { Injectable, type OnModuleInit } from '@nestjs/common';
import { newId } from '../common/ids';
import { removeInSlices } from '../common/remove-in-slices';
import { JOB_BOUNDS, STORAGE_BOUNDS } from '../config/bounds';
import { TransactionRunner } from '../database/transaction-runner';
import { AppError } from '../errors/app-error';
import { JobQueue, type JobRun, type JobType } from './job-queue';
import { repeat } from './repeated-job';
import type { JobProgress } from './user-job.entity';
import {
  UserJobsRepository,
  type JobFilter,
  type JobPosition,
  type JobRef,
  type UserJob,
} from './user-jobs.repository';

export const jobNotFound = () => new AppError('not_found', 'job_not_found', 'No job with this id.');

export const jobFinished = () => new AppError('conflict', 'job_finished', 'The job is over.');

export const jobNotEnded = () =>
  new AppError(
    'conflict',
    'job_not_ended',
    'Only a job that has failed or was cancelled can be tried again.',
  );

export const tooManyJobs = () =>
  new AppError('conflict', 'too_many_jobs', `At most ${JOB_BOUNDS.openJobs.limit} jobs may wait.`);

/** A run of a user's job, as its feature sees it. */
export interface UserJobRun {
  id: string;
  userId: string;
  input: Readonly<Record<string, string>>;
  /** Aborts when the job is cancelled, its time is over, or this process ends. */
  signal: AbortSignal;
  /** Shows how far it is. Throws if the run is no longer the one that counts. */
  progress: (progress: JobProgress) => Promise<void>;
}

/** A failure whose words the job's user is to read. Any other one shows no more than that there was one. */
export class JobFailure extends Error {
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const GIVEN_UP = { code: 'interrupted', message: 'The job was cut off too often.' };
const UNKNOWN = { code: 'internal_error', message: 'The job failed.' };

/** The jobs that users see: rows of ours, run by the queue. */
@Injectable()
export class UserJobs implements OnModuleInit {
  /** Runs of this process, by job. */
  private readonly running = new Map<string, AbortController>();

  constructor(
    private readonly jobs: UserJobsRepository,
    private readonly queue: JobQueue,
    private readonly db: TransactionRunner,
  ) {}

  async onModuleInit(): Promise<void> {
    await repeat(this.queue, 'retention.jobs', '27 * * * *', (signal) => this.deleteFinished(signal));
    await repeat(this.queue, 'jobs.unclaimed', '*/5 * * * *', () =>
      this.nudgeUnclaimed(STORAGE_BOUNDS.rowsOfSlice.limit),
    );
  }

  /** This process runs jobs of this type. To be called in `onModuleInit`. */
  define(type: JobType, handler: (run: UserJobRun) => Promise<void>): void {
    this.queue.work(
      type,
      (run) => this.run(run, handler),
      (data) => this.jobs.giveUp(refOf(data), GIVEN_UP),
    );
  }

  /**
   * Stores a job and enqueues it, in the caller's transaction if there is one.
   * @param input ids of what it is about
   * @throws {AppError} `too_many_jobs`
   */
  async add(userId: string, type: string, input: Record<string, string>): Promise<string> {
    const ref = { id: newId(), userId };
    await this.db.run(async () => {
      // Before the row, whose events are the last thing that a transaction locks.
      await this.nudge(type, ref);
      if (!(await this.jobs.insert(ref, type, input))) throw tooManyJobs();
    });
    return ref.id;
  }

  /** Enqueues a job that is stored (`storedJob`). If the process ends before that, `nudgeUnclaimed` does it. */
  nudge(type: string, { id, userId }: JobRef): Promise<void> {
    return this.queue.enqueue(type, { id, user_id: userId }, { key: id });
  }

  /** Enqueues what was stored and not enqueued; what waits its turn stays where it is, since its key is taken. Answers how many. */
  async nudgeUnclaimed(limit: number): Promise<number> {
    const jobs = await this.jobs.unclaimed(limit);
    for (const { id, user_id, type } of jobs) await this.nudge(type, { id, userId: user_id });
    return jobs.length;
  }

  /** Jobs that are over for so long that nobody asks for them; answers how many. */
  deleteFinished(signal?: AbortSignal): Promise<number> {
    return removeInSlices(
      STORAGE_BOUNDS.rowsOfSlice.limit,
      (limit) => this.jobs.deleteFinished(limit),
      signal,
    );
  }

  /** @throws {AppError} `job_not_found` */
  async get(id: string, userId?: string): Promise<UserJob> {
    return (await this.jobs.find(id, userId)) ?? notFound();
  }

  list(filter: JobFilter, after: JobPosition | undefined, limit: number): Promise<UserJob[]> {
    return this.jobs.list(filter, after, limit);
  }

  /** @throws {AppError} `job_not_found`, `job_not_ended` */
  async retry(id: string, userId?: string): Promise<UserJob> {
    const { type, user_id } = await this.get(id, userId);
    return this.db.run(async () => {
      // Its last run is over in our rows a moment before it is in the queue, which takes no second entry until then.
      await this.queue.cancel(type, id);
      await this.nudge(type, { id, userId: user_id });
      const job = await this.jobs.retry({ id, userId: user_id });
      if (!job) throw jobNotEnded();
      return job;
    });
  }

  /**
   * A run ends soon, and counts no more from now on. Again it changes nothing.
   * @throws {AppError} `job_not_found`, `job_finished`
   */
  async cancel(id: string, userId?: string): Promise<UserJob> {
    const found = await this.get(id, userId);
    if (found.state === 'cancelled') return found;
    const job = await this.jobs.cancel({ id, userId: found.user_id });
    if (!job) throw jobFinished();
    this.running.get(id)?.abort();
    await this.queue.cancel(job.type, id);
    return job;
  }

  private async run(
    { data, last, signal }: JobRun,
    handler: (run: UserJobRun) => Promise<void>,
  ): Promise<void> {
    const job = await this.jobs.begin(refOf(data));
    // Cancelled, erased, or done by a run whose end the queue has not heard of.
    if (!job) return;
    const cancelled = new AbortController();
    this.running.set(job.id, cancelled);
    try {
      await handler({
        id: job.id,
        userId: job.user_id,
        input: job.input,
        signal: AbortSignal.any([signal, cancelled.signal]),
        progress: async (progress) => {
          if (!(await this.jobs.progress(job, progress))) throw new Error('The run has been replaced.');
        },
      });
      await this.jobs.end(job, 'completed', null);
    } catch (error) {
      const { code, message } = error instanceof JobFailure ? error : UNKNOWN;
      const counts = await this.jobs.end(job, last ? 'failed' : 'queued', { code, message });
      if (counts) throw error;
    } finally {
      this.running.delete(job.id);
    }
  }
}

function refOf(data: unknown): JobRef {
  const { id, user_id } = data as { id: string; user_id: string };
  return { id, userId: user_id };
}

function notFound(): never {
  throw jobNotFound();
}
