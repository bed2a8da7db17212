import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { filter } from 'rxjs';
import { Draining } from '../../http/draining';
import { detached } from '../../common/detached';
import type { WaitingConversation } from '../../messages/message.types';
import { QueueService } from '../../messages/queue.service';
import { ReplyFinalizer } from '../../replies/produce/reply-finalizer';
import { QueuedReplyStarter } from './queued-reply-starter';
import { SlotFiller } from './slot-filler';

/** Maximum number of conversations per sweep. */
const BATCH = 100;

/**
 * Starts queued replies when their turn has come, in whichever process notices it first: the first queued reply of a conversation when no
 * reply runs there; if its model has a limit, also not before its turn among all replies that wait for that model (`SlotFiller`). Called by
 * `OnBusyPolicy` and `Sweeper`.
 */
@Injectable()
export class TurnQueue implements OnModuleInit {
  private readonly logger = new Logger(TurnQueue.name);

  constructor(
    private readonly queue: QueueService,
    private readonly slotFiller: SlotFiller,
    private readonly starter: QueuedReplyStarter,
    private readonly finalizer: ReplyFinalizer,
    private readonly draining: Draining,
  ) {}

  onModuleInit(): void {
    this.finalizer.finalized$
      .pipe(filter(({ awaited }) => awaited))
      .subscribe((reply) => void this.kick(reply));
  }

  /** Starts the next queued reply of a conversation, if none is running. Never throws: `sweep` finds replies that could not be started. */
  async kick(conversation: WaitingConversation): Promise<void> {
    if (this.draining.active) return;
    // Detached: the next reply belongs to another request than the one whose end triggers it.
    await detached(() => this.startNext(conversation));
  }

  private async startNext(conversation: WaitingConversation): Promise<void> {
    try {
      if (!this.queue.hasLimits) return void (await this.starter.start(conversation));
      const first = await this.queue.first(conversation);
      if (first?.waitsForSlot) await this.slotFiller.fill(first.model);
      else if (first) await this.starter.start(conversation, first.id);
    } catch (error) {
      this.logger.warn({ err: error }, 'A queued reply could not be begun; later');
    }
  }

  /** Starts queued replies that no process has started, because it died or failed; cancels those of users who are locked out. */
  async sweep(): Promise<void> {
    if (this.draining.active) return;
    await this.queue.cancelLockedOut();
    for (const conversation of await this.queue.waiting(BATCH)) await this.kick(conversation);
    await detached(() => this.slotFiller.sweep());
  }
}
