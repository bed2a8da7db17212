import { Injectable, Module, type OnModuleInit, type Type } from '@nestjs/common';
import { JobQueue } from '../../../src/jobs/job-queue';
import { QueueModule } from '../../../src/jobs/queue.module';

/** Types of jobs that only a test has. */
export const JobTypes = {
  with(register: (queue: JobQueue) => void): Type {
    @Injectable()
    class Registration implements OnModuleInit {
      constructor(private readonly queue: JobQueue) {}

      onModuleInit(): void {
        register(this.queue);
      }
    }

    @Module({ imports: [QueueModule], providers: [Registration] })
    class JobTypesModule {}
    return JobTypesModule;
  },
};
