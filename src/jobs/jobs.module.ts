import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module';
import { HttpModule } from '../http/http.module';
import { LimitsModule } from '../limits/limits.module';
import { UserEventsModule } from '../user-events/user-events.module';
import { UsersModule } from '../users/users.module';
import { JobsController } from './jobs.controller';
import { JobsExport } from './jobs.export';
import { QueueModule } from './queue.module';
import { RetentionJobs } from './retention-jobs';
import { UserJobEntity } from './user-job.entity';
import { UserJobsRepository } from './user-jobs.repository';
import { UserJobs } from './user-jobs.service';

/** Work in the background: README.md in this folder is where to start reading. */
@Module({
  imports: [
    TypeOrmModule.forFeature([UserJobEntity]),
    AuditModule,
    HttpModule,
    LimitsModule,
    QueueModule,
    UserEventsModule,
    UsersModule,
  ],
  controllers: [JobsController],
  providers: [JobsExport, RetentionJobs, UserJobs, UserJobsRepository],
  exports: [QueueModule, UserJobs],
})
export class JobsModule {}
