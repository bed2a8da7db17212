import { Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { Draining } from './draining';
import { NotFoundFallback } from './not-found.fallback';
import { ProblemFilter } from './problem.filter';
import { ShutdownLimit } from './shutdown-limit';
import { RequestValidationPipe } from './validation.pipe';

/** What every route shares: error answers, validation, shutdown. */
@Global()
@Module({
  providers: [
    Draining,
    NotFoundFallback,
    ShutdownLimit,
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_PIPE, useClass: RequestValidationPipe },
  ],
  exports: [Draining],
})
export class HttpModule {}
