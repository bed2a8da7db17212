import { Module } from '@nestjs/common';
import { HttpModule } from '../http/http.module';
import { JobQueue } from './job-queue';
import { PgBossQueue } from './pg-boss/pg-boss-queue';
import { QueueRepository } from './pg-boss/queue.repository';

/** Chooses what is behind `JobQueue`. */
@Module({
  imports: [HttpModule],
  providers: [QueueRepository, { provide: JobQueue, useClass: PgBossQueue }],
  exports: [JobQueue],
})
export class QueueModule {}
