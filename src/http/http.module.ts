import { Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { BodyMemory } from './body-memory';
import { Draining } from './draining';
import { IdempotencyKeyEntity } from './idempotency/idempotency-key.entity';
import { IdempotencyRepository } from './idempotency/idempotency.repository';
import { IdempotencyService } from './idempotency/idempotency.service';
import { NotFoundFallback } from './not-found.fallback';
import { ProblemFilter } from './problem.filter';
import { ShutdownLimit } from './shutdown-limit';
import { RequestValidationPipe } from './validation.pipe';

/** What every route shares: error answers, validation, idempotency, shutdown. */
@Global()
@Module({
  imports: [TypeOrmModule.forFeature([IdempotencyKeyEntity])],
  providers: [
    IdempotencyRepository,
    IdempotencyService,
    BodyMemory,
    Draining,
    NotFoundFallback,
    ShutdownLimit,
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_PIPE, useClass: RequestValidationPipe },
  ],
  exports: [BodyMemory, Draining, IdempotencyService],
})
export class HttpModule {}
