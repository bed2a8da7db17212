import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { detached } from './detached';

/** Before a check that failed is tried again: twice as long each time, and a random part of it. */
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;

export interface RetryingChecksOptions<Subject> {
  /** For the log, where a check fails. */
  failure: string;
  /** Number of checks that run at the same time. */
  atOnce: number;
  check: (subject: Subject) => Promise<void>;
  /** Whether a check that has failed is still wanted. */
  isWanted: (subject: Subject) => boolean;
}

/**
 * Checks of many subjects that may all become due in one moment, as after a pause of the database: a few at a time, each subject once, and
 * again with growing pauses where one fails. They belong to no request. Used by `SessionExpiryWatcher` and `DisabledUserReplies`.
 */
export class RetryingChecks<Subject> {
  private readonly logger = new Logger(RetryingChecks.name);
  /** Subjects to be checked, each once. */
  private readonly waiting = new Set<Subject>();
  /** Failures in a row by subject. */
  private readonly failures = new Map<Subject, number>();
  private running = 0;

  constructor(private readonly options: RetryingChecksOptions<Subject>) {}

  /** A subject that is being checked is checked again: the answer on its way may be from before. */
  enqueue(subject: Subject): void {
    this.waiting.add(subject);
    if (this.running < this.options.atOnce) void detached(() => this.work());
  }

  private async work(): Promise<void> {
    this.running += 1;
    for (const subject of this.waiting) {
      this.waiting.delete(subject);
      await this.check(subject);
    }
    this.running -= 1;
  }

  private async check(subject: Subject): Promise<void> {
    try {
      await this.options.check(subject);
      this.failures.delete(subject);
    } catch (error) {
      const failures = (this.failures.get(subject) ?? 0) + 1;
      if (failures === 1) this.logger.warn({ err: error }, this.options.failure);
      this.failures.set(subject, failures);
      void this.retry(subject, failures);
    }
  }

  private async retry(subject: Subject, failures: number): Promise<void> {
    const longest = Math.min(FIRST_RETRY_MS * 2 ** failures, LAST_RETRY_MS);
    await sleep(longest * (0.5 + Math.random() / 2), undefined, { ref: false });
    if (this.options.isWanted(subject)) this.enqueue(subject);
    else this.failures.delete(subject);
  }
}
