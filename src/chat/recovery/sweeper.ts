import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InstanceService } from '../../instances/instance.service';
import { Recovery } from './recovery';

const SWEEP_MS = 5_000;

/** Looks for replies of processes that are gone: at the start, and from time to time. */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Sweeper.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly instance: InstanceService,
    private readonly recovery: Recovery,
  ) {}

  onApplicationBootstrap(): void {
    void this.instance.registered.then(() => this.begin());
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private async begin(): Promise<void> {
    this.timer = setInterval(() => void this.sweep(), SWEEP_MS);
    await this.sweep();
  }

  private async sweep(): Promise<void> {
    try {
      const closed = await this.recovery.run();
      if (closed) this.logger.warn(`Closed ${closed} replies of processes that are gone`);
    } catch (error) {
      this.logger.warn({ err: error }, 'The replies of processes that are gone could not be closed; later');
    }
  }
}
