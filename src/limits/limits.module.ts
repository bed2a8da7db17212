import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DatabaseState } from '../database/database-state';
import { ObservabilityModule } from '../observability/observability.module';
import { LocalRateLimits } from './local-rate-limits';
import { OpenAnswers } from './open-answers';
import { RateLimitEntity } from './rate-limit.entity';
import { RateLimitStore } from './rate-limit-store';
import { RateLimiter } from './rate-limiter';
import { RequestLimits } from './request-limits';
import { ConcurrentRequests } from './concurrent-requests';
import { SharedRateLimits } from './shared-rate-limits';
import { SharedRateLimitsRepository } from './shared-rate-limits.repository';

/** How much of what anybody may ask for. */
@Global()
@Module({
  imports: [ObservabilityModule, TypeOrmModule.forFeature([RateLimitEntity])],
  providers: [
    RateLimiter,
    RequestLimits,
    OpenAnswers,
    ConcurrentRequests,
    SharedRateLimitsRepository,
    {
      provide: RateLimitStore,
      inject: [DatabaseState, SharedRateLimitsRepository],
      useFactory: (database: DatabaseState, repository: SharedRateLimitsRepository) =>
        database.exclusive ? new LocalRateLimits() : new SharedRateLimits(repository),
    },
  ],
  exports: [RequestLimits, OpenAnswers, ConcurrentRequests, RateLimitStore],
})
export class LimitsModule {}
