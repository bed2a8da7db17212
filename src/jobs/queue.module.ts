import { Module } from '@nestjs/common';
import { HttpModule } from '../http/http.module';
import { ObservabilityModule } from '../observability/observability.module';
import { JobQueue } from './job-queue';
import { Boss } from './pg-boss/boss';
import { PgBossQueue } from './pg-boss/pg-boss-queue';
import { QueueRepository } from './pg-boss/queue.repository';
import { ShutdownGrace } from './shutdown-grace';

/** Chooses what is behind `JobQueue`. */
@Module({
  imports: [HttpModule, ObservabilityModule],
  providers: [Boss, QueueRepository, ShutdownGrace, { provide: JobQueue, useClass: PgBossQueue }],
  exports: [JobQueue],
})
export class QueueModule {}
