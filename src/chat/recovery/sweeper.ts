import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DatabaseState } from '../../database/database-state';
import { InstanceService } from '../../instances/instance.service';
import { MessagesService } from '../../messages/messages.service';

const SWEEP_MS = 10_000;

/** Closes the replies of processes that are gone. Two sweepers at once do no harm. */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Sweeper.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: DatabaseState,
    private readonly instances: InstanceService,
    private readonly messages: MessagesService,
  ) {}

  onApplicationBootstrap(): void {
    void this.database.whenReady().then(() => this.begin());
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
      const expired = await this.instances.expired();
      if (!expired.length) return;
      const interrupted = await this.messages.interruptRepliesOf(expired);
      await this.instances.forget(expired);
      this.logger.warn(`Closed ${interrupted} interrupted replies of ${expired.length} processes that are gone`);
    } catch (error) {
      this.logger.warn({ err: error }, 'The replies of gone processes could not be looked for');
    }
  }
}
