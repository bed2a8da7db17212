import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { filter } from 'rxjs';
import { Draining } from '../../http/draining';
import { detached } from '../../common/detached';
import type { WaitingConversation } from '../../messages/message.types';
import { QueueService } from '../../messages/queue.service';
import { ReplyFinalizer } from '../../replies/produce/reply-finalizer';
import { ReplyProducer } from '../../replies/produce/reply-producer';
import { QueuedReplyJobs } from './queued-reply-jobs';

/** Maximum number of conversations per sweep. */
const BATCH = 100;

/** Starts queued replies when their turn has come, in whichever process notices it first. Called by `OnBusyPolicy` and `Sweeper`. */
@Injectable()
export class TurnQueue implements OnModuleInit {
  private readonly logger = new Logger(TurnQueue.name);

  constructor(
    private readonly queue: QueueService,
    private readonly jobs: QueuedReplyJobs,
    private readonly producer: ReplyProducer,
    private readonly finalizer: ReplyFinalizer,
    private readonly draining: Draining,
  ) {}

  onModuleInit(): void {
    this.finalizer.finalized
      .pipe(filter(({ awaited }) => awaited))
      .subscribe((reply) => void this.kick(reply));
  }

  /** Starts the next queued reply of a conversation, if none is running. Never throws: `sweep` finds what has failed. */
  async kick(conversation: WaitingConversation): Promise<void> {
    if (this.draining.active) return;
    // Detached: the next reply belongs to another request than the one whose end triggers it.
    await detached(() => this.startNext(conversation));
  }

  private async startNext(conversation: WaitingConversation): Promise<void> {
    try {
      const started = await this.queue.begin(conversation);
      if (started) this.producer.start(await this.jobs.jobFor(started));
    } catch (error) {
      this.logger.warn({ err: error }, 'A queued reply could not be begun; later');
    }
  }

  /** Starts queued replies that no process has started, because it died or failed; cancels those of users who are locked out. */
  async sweep(): Promise<void> {
    if (this.draining.active) return;
    await this.queue.cancelLockedOut();
    for (const conversation of await this.queue.waiting(BATCH)) await this.kick(conversation);
  }
}
