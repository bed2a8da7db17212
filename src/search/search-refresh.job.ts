import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { JobQueue, type JobType } from '../jobs/job-queue';
import { IndexRefresh } from './index/index-refresh';

const JOB: JobType = {
  name: 'search.refresh',
  concurrency: 1,
  attempts: 1,
  retryDelayS: 60,
  timeoutMs: 3600_000,
};

/** Indexes what was said by those who do not search, so that their next search has little to index. */
@Injectable()
export class SearchRefreshJob implements OnModuleInit {
  constructor(
    private readonly queue: JobQueue,
    private readonly refresh: IndexRefresh,
  ) {}

  async onModuleInit(): Promise<void> {
    this.queue.work(JOB, ({ signal }) => this.run(signal));
    await this.queue.schedule(JOB.name, { key: 'regular', cron: '*/5 * * * *' });
  }

  /** Pauses are as long as slices, so that others get at least as much of the database. */
  async run(signal: AbortSignal): Promise<void> {
    let user = await this.refresh.nextUser('');
    while (user !== undefined && !signal.aborted) {
      const began = performance.now();
      const count = await this.refresh.slice(user);
      if (count === undefined) user = await this.refresh.nextUser(user);
      await sleep(performance.now() - began, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }
}
