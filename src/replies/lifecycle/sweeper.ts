import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InstanceService } from '../../instances/instance.service';
import { DeadInstanceReplies } from './dead-instance-replies';
import { OrphanedReplies } from './orphaned-replies';

/** Pause between two runs of a task. With the lease, a reply of a dead process is closed well within the 20 s that clients are promised. */
const SWEEP_MS = 2_500;

/**
 * Repeats tasks for states that no event reports, such as replies of dead processes: at startup, and 2.5 s after each run. Each
 * task has a timer of its own, so that one that fails or takes long delays no other, and none overlaps itself.
 */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Sweeper.name);
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private ended = false;

  constructor(
    private readonly instance: InstanceService,
    private readonly dead: DeadInstanceReplies,
    private readonly orphans: OrphanedReplies,
  ) {}

  onApplicationBootstrap(): void {
    this.start('replies of processes that are gone', () => this.dead.close());
    this.start('replies that their process does not know', () => this.orphans.close());
  }

  /** Runs a task now and again 2.5 s after it has settled. A number that the task returns is the count of replies that it has closed. */
  start(name: string, task: () => Promise<number | void>): void {
    void this.sweep(name, task);
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
