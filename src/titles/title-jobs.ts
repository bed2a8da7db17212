import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { JOB_BOUNDS } from '../config/bounds';
import { AppError } from '../errors/app-error';
import { JobFailure, UserJobs, type UserJobRun } from '../jobs/user-jobs.service';
import { JobOverdue, type JobType } from '../jobs/job-queue';
import { LlmError } from '../llm/llm-error';
import type { ClosedReply } from '../messages/messages.service';
import { ReplyFinalizer } from '../replies/produce/reply-finalizer';
import { Titles } from './titles.service';

/** Many at once, since a job does nothing but wait: a model that hangs keeps only its own from going on. */
const TITLE: JobType = {
  name: 'title',
  concurrency: JOB_BOUNDS.titleJobs.limit,
  attempts: 3,
  retryDelayS: 15,
  timeoutMs: JOB_BOUNDS.titleTime.limit,
};

/** Names a conversation after its first complete turn. The statement that closes the reply stores the job (`messages/`); it is enqueued here. */
@Injectable()
export class TitleJobs implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(TitleJobs.name);
  private subscription: Subscription | undefined;

  constructor(
    private readonly jobs: UserJobs,
    private readonly finalizer: ReplyFinalizer,
    private readonly titles: Titles,
  ) {}

  onModuleInit(): void {
    this.jobs.define(TITLE, (run) => this.run(run));
    this.subscription = this.finalizer.finalized$.subscribe((reply) => this.enqueue(reply));
  }

  onModuleDestroy(): void {
    this.subscription?.unsubscribe();
  }

  private enqueue({ title_job_id: id, user_id: userId }: ClosedReply): void {
    if (!id) return;
    // A job that is stored and not enqueued is found within minutes.
    this.jobs.nudge(TITLE.name, { id, userId }).catch((err: unknown) => {
      this.logger.warn({ err, job: id }, 'A title could not be enqueued; later');
    });
  }

  private async run({ userId, input, signal }: UserJobRun): Promise<void> {
    try {
      await this.titles.makeFirst(userId, input.conversation_id, signal);
    } catch (error) {
      if (signal.reason instanceof JobOverdue)
        throw new JobFailure('provider_timeout', 'The model did not answer in time.', { cause: error });
      const known = error instanceof LlmError || error instanceof AppError;
      throw known ? new JobFailure(error.code, error.message, { cause: error }) : error;
    }
  }
}
