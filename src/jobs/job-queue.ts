/** A kind of background work, and how its jobs are run. Each kind has places of its own, so that one that fails or hangs delays no other. */
export interface JobType {
  /** Letters, digits, `.`, `_` and `-`. Jobs that are stored name it: it never changes its meaning. */
  name: string;
  /** How many jobs of it a process runs at once. */
  concurrency: number;
  /** How often a job is tried before it is dead, the first time included. */
  attempts: number;
  /** Pause before the second attempt in seconds; each further one is twice as long, as far as `longestRetryDelayS`. */
  retryDelayS: number;
  /** An hour unless given. */
  longestRetryDelayS?: number;
  /** After so long the signal of a job aborts. A handler ends soon after that: until it does its place is taken. */
  timeoutMs: number;
}

/** Why the signal of an attempt aborts that has taken too long. */
export class JobOverdue extends Error {
  constructor() {
    super('The job has had its time.');
  }
}

/** One attempt at a job. */
export interface JobRun {
  /** What was enqueued, as JSON gives it back. */
  data: unknown;
  /** No further attempt follows. */
  last: boolean;
  /** Aborts when the time is over, the job is cancelled or taken over by another process, or this process ends. */
  signal: AbortSignal;
}

export interface EnqueueOptions {
  /** While a job of this type with this key waits or runs, no second one is enqueued. Also what `cancel` finds it by. */
  key?: string;
  /** It does not begin before so many seconds are over. */
  afterS?: number;
}

/** When a job is to run, again and again. */
export interface JobSchedule {
  /** One schedule of a type for each key. */
  key: string;
  /** Five fields: minute, hour, day of the month, month, day of the week. Null: no more. */
  cron: string | null;
  /** IANA name; UTC unless given. */
  timeZone?: string;
  data?: object;
}

/**
 * SEAM: work that is done outside of requests, at least once, by one process at a time, and survives the end of any. The rows of features are
 * the truth; a job only says that something is to be done. What is essential to the safety of replies does not depend on it (`replies/lifecycle/`).
 *
 * Implemented by `pg-boss/`; a class of its own, so that no feature knows it.
 */
export abstract class JobQueue {
  /**
   * Jobs of this type are run by this process. To be called before the application has started (`onModuleInit`). A handler that throws is tried
   * again; a process that dies counts as a failed attempt. `dead` hears, in one process, of jobs that were given up.
   */
  abstract work(
    type: JobType,
    handler: (run: JobRun) => Promise<void>,
    dead?: (data: unknown) => Promise<void>,
  ): void;

  /**
   * Stores a job: in the caller's transaction if there is one, so that it is there if and only if that is committed. This process begins it
   * within milliseconds after that, if it has room; otherwise whichever process has.
   * @throws {AppError} `database_unavailable`
   */
  abstract enqueue(type: string, data: object, options?: EnqueueOptions): Promise<void>;

  /**
   * Enqueues a job again and again, once for all processes. A run that was missed while none was there is made up for, once; one that is due
   * while the last one still waits or runs is left out. Before the queue has started it is set by the start.
   */
  abstract schedule(type: string, schedule: JobSchedule): Promise<void>;

  /** The job of this key neither begins nor goes on; a handler that runs it learns so by its signal, in another process within seconds. */
  abstract cancel(type: string, key: string): Promise<void>;
}
