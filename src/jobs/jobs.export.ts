import { Injectable, type OnModuleInit } from '@nestjs/common';
import { inPages, UserData } from '../users/user-data';
import { toJobResponse } from './dto/job.response';
import { UserJobsRepository } from './user-jobs.repository';

/** A user's jobs as part of all that is kept of them. */
@Injectable()
export class JobsExport implements OnModuleInit {
  constructor(
    private readonly data: UserData,
    private readonly jobs: UserJobsRepository,
  ) {}

  onModuleInit(): void {
    this.data.add({
      type: 'job',
      read: (userId) => this.read(userId),
      erase: (userId, limit) => this.jobs.erase(userId, limit),
    });
  }

  private async *read(userId: string): AsyncGenerator<object> {
    const pages = inPages((after, limit) => this.jobs.listAll(userId, after, limit));
    for await (const job of pages) yield toJobResponse(job);
  }
}
