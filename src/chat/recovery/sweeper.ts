import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InstanceService } from '../../instances/instance.service';
import { ReplyQueue } from '../queue/reply-queue';
import { AbandonedReplies } from './abandoned-replies';
import { Recovery } from './recovery';

/** With the lease, a reply of a process that is gone is closed well within the 20 s that clients are promised. */
const SWEEP_MS = 2_500;

/**
 * Looks for replies that nobody writes, or begins when it is their turn: at the start, and from time to time. Each task goes by itself,
 * so that one which fails or takes long keeps no other waiting, and none overlaps itself.
 */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Sweeper.name);
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private ended = false;

  constructor(
    private readonly instance: InstanceService,
    private readonly recovery: Recovery,
    private readonly abandoned: AbandonedReplies,
    private readonly queue: ReplyQueue,
  ) {}

  onApplicationBootstrap(): void {
    void this.sweep('replies of processes that are gone', () => this.recovery.run());
    void this.sweep('replies that their process does not know', () => this.abandoned.close());
    void this.sweep('queued replies', () => this.queue.sweep());
    void this.sweep('journals that nobody needs', () => this.recovery.tidy());
  }

  onModuleDestroy(): void {
    this.ended = true;
    this.timers.forEach((timer) => clearTimeout(timer));
  }

  private async sweep(name: string, task: () => Promise<number | void>): Promise<void> {
    await this.instance.registered;
    try {
      const closed = await task();
      if (closed) this.logger.warn(`Closed ${closed} replies that nobody was writing any more`);
    } catch (error) {
      this.logger.warn({ err: error }, `Could not look for ${name}; later`);
    }
    if (!this.ended)
      this.timers.set(
        name,
        setTimeout(() => void this.sweep(name, task), SWEEP_MS),
      );
  }
}
