import { Injectable, type OnModuleInit } from '@nestjs/common';
import { AuditRetention } from '../audit/audit-retention';
import { STORAGE_BOUNDS } from '../config/bounds';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import { RateLimitStore } from '../limits/rate-limit-store';
import { JobQueue } from './job-queue';
import { UserJobs } from './user-jobs.service';

/** A run that takes longer ends after its slice; the next one goes on. */
const TIMEOUT_MS = 10 * 60_000;

/**
 * What is deleted when its time is over: each a job of a type of its own, once for all processes. They are listed here because those who keep
 * the rows stand below `jobs/`.
 */
@Injectable()
export class RetentionJobs implements OnModuleInit {
  constructor(
    private readonly queue: JobQueue,
    private readonly audit: AuditRetention,
    private readonly idempotency: IdempotencyService,
    private readonly limits: RateLimitStore,
    private readonly jobs: UserJobs,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.repeat('retention.audit', '7 * * * *', (signal) => this.audit.sweep(signal));
    await this.repeat('retention.idempotency_keys', '17 * * * *', (signal) => this.idempotency.sweep(signal));
    await this.repeat('retention.rate_limits', '*/5 * * * *', (signal) => this.limits.sweep(signal));
    await this.repeat('retention.jobs', '27 * * * *', (signal) => this.jobs.deleteFinished(signal));
    await this.repeat('jobs.unclaimed', '*/5 * * * *', () =>
      this.jobs.nudgeUnclaimed(STORAGE_BOUNDS.rowsOfSlice.limit),
    );
  }

  private repeat(name: string, cron: string, run: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    const type = { name, concurrency: 1, attempts: 3, retryDelayS: 60, timeoutMs: TIMEOUT_MS };
    this.queue.work(type, async ({ signal }) => void (await run(signal)));
    return this.queue.schedule(name, { key: 'regular', cron });
  }
}
