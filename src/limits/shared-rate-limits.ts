import { Logger, type OnModuleDestroy } from '@nestjs/common';
import { removeInSlices } from '../common/remove-in-slices';
import { RepeatedTask } from '../common/repeated-task';
import { STORAGE_BOUNDS } from '../config/bounds';
import { LocalRateLimits } from './local-rate-limits';
import { type Lease, type RatePolicy, RateLimitStore } from './rate-limit-store';
import type { SharedRateLimitsRepository } from './shared-rate-limits.repository';

const SWEEP_MS = 60_000;

/** Limits that hold for all instances together. While the database is away each holds them for itself. */
export class SharedRateLimits extends RateLimitStore implements OnModuleDestroy {
  private readonly logger = new Logger(SharedRateLimits.name);
  private readonly local = new LocalRateLimits();
  private readonly sweeps = new RepeatedTask({
    failure: 'Limits of the past could not be forgotten; later',
    firstMs: SWEEP_MS,
    everyMs: SWEEP_MS,
    run: (signal) =>
      removeInSlices(
        STORAGE_BOUNDS.expiredSlice.limit,
        (limit) => this.repository.deleteEnded(limit),
        signal,
      ),
  });

  constructor(private readonly repository: SharedRateLimitsRepository) {
    super();
    this.sweeps.begin();
  }

  async lease(key: Buffer, policy: RatePolicy, wanted: number): Promise<Lease> {
    try {
      return await this.repository.lease(key, policy, wanted);
    } catch (error) {
      this.logger.debug({ err: error }, 'Limits hold for this process alone');
      return this.local.lease(key, policy, wanted);
    }
  }

  onModuleDestroy(): void {
    this.sweeps.end();
  }
}
