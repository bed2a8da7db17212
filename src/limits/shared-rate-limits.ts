import { Logger } from '@nestjs/common';
import { removeInSlices } from '../common/remove-in-slices';
import { STORAGE_BOUNDS } from '../config/bounds';
import { LocalRateLimits } from './local-rate-limits';
import { type Lease, type RatePolicy, RateLimitStore } from './rate-limit-store';
import type { SharedRateLimitsRepository } from './shared-rate-limits.repository';

/** Limits that hold for all instances together. While the database is away each holds them for itself. */
export class SharedRateLimits extends RateLimitStore {
  private readonly logger = new Logger(SharedRateLimits.name);
  private readonly local = new LocalRateLimits();
  constructor(private readonly repository: SharedRateLimitsRepository) {
    super();
  }

  async lease(key: Buffer, policy: RatePolicy, wanted: number): Promise<Lease> {
    try {
      return await this.repository.lease(key, policy, wanted);
    } catch (error) {
      this.logger.debug({ err: error }, 'Limits hold for this process alone');
      return this.local.lease(key, policy, wanted);
    }
  }

  override sweep(signal?: AbortSignal): Promise<number> {
    const { limit: slice } = STORAGE_BOUNDS.expiredSlice;
    return removeInSlices(slice, (limit) => this.repository.deleteEnded(limit), signal);
  }
}
