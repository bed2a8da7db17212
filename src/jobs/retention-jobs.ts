import { Injectable, type OnModuleInit } from '@nestjs/common';
import { AuditRetention } from '../audit/audit-retention';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import { RateLimitStore } from '../limits/rate-limit-store';
import { JobQueue } from './job-queue';
import { repeat } from './repeated-job';

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
  ) {}

  async onModuleInit(): Promise<void> {
    const { queue } = this;
    await repeat(queue, 'retention.audit', '7 * * * *', (signal) => this.audit.sweep(signal));
    await repeat(queue, 'retention.idempotency_keys', '17 * * * *', (signal) =>
      this.idempotency.sweep(signal),
    );
    await repeat(queue, 'retention.rate_limits', '*/5 * * * *', (signal) => this.limits.sweep(signal));
  }
}
