import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InstanceService } from '../../instances/instance.service';
import { ReplyQueue } from '../queue/reply-queue';
import { AbandonedReplies } from './abandoned-replies';
import { Recovery } from './recovery';

/** With the lease, a reply of a process that is gone is closed well within the 20 s that clients are promised. */
const SWEEP_MS = 2_500;

/** Looks for replies that nobody writes, or begins when it is their turn: at the start, and from time to time. */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Sweeper.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly instance: InstanceService,
    private readonly recovery: Recovery,
    private readonly abandoned: AbandonedReplies,
    private readonly queue: ReplyQueue,
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
      const closed = (await this.recovery.run()) + (await this.abandoned.close());
      if (closed) this.logger.warn(`Closed ${closed} replies that nobody was writing any more`);
      await this.queue.sweep();
    } catch (error) {
      this.logger.warn({ err: error }, 'Could not look for replies that nobody writes; later');
    }
  }
}
