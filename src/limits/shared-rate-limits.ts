import { Logger, type OnModuleDestroy } from '@nestjs/common';
import { LocalRateLimits } from './local-rate-limits';
import { type Lease, type RatePolicy, RateLimitStore } from './rate-limit-store';
import type { SharedRateLimitsRepository } from './shared-rate-limits.repository';

const SWEEP_MS = 60_000;

/** Limits that hold for all instances together. While the database is away each holds them for itself. */
export class SharedRateLimits extends RateLimitStore implements OnModuleDestroy {
  private readonly logger = new Logger(SharedRateLimits.name);
  private readonly local = new LocalRateLimits();
  private readonly timer = setInterval(() => void this.sweep(), SWEEP_MS).unref();

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

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private async sweep(): Promise<void> {
    await this.repository.deleteEnded().catch((error: unknown) => {
      this.logger.warn({ err: error }, 'Limits of the past could not be forgotten; later');
    });
  }
}
