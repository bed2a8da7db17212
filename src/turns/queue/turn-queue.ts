import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { filter } from 'rxjs';
import { Draining } from '../../http/draining';
import { detached } from '../../logging/detached';
import type { WaitingConversation } from '../../messages/message.types';
import { QueueService } from '../../messages/queue.service';
import { ReplyFinalizer } from '../../replies/produce/reply-finalizer';
import { ReplyProducer } from '../../replies/produce/reply-producer';
import { QueuedReplyJobs } from './queued-reply-jobs';

/** How many conversations are looked after at a time. */
const BATCH = 100;

/** Begins queued replies when it is their turn, in whichever process notices it first. */
@Injectable()
export class TurnQueue implements OnModuleInit {
  private readonly logger = new Logger(TurnQueue.name);

  constructor(
    private readonly queue: QueueService,
    private readonly requests: QueuedReplyJobs,
    private readonly replies: ReplyProducer,
    private readonly closer: ReplyFinalizer,
    private readonly draining: Draining,
  ) {}

  onModuleInit(): void {
    this.closer.finalized.pipe(filter(({ awaited }) => awaited)).subscribe((reply) => void this.kick(reply));
  }

  /** Begins what comes next in a conversation, if nothing runs there. Never throws: what fails is found by `sweep`. */
  async kick(conversation: WaitingConversation): Promise<void> {
    if (this.draining.active) return;
    // What comes next is of another request than the one at whose end it is noticed.
    await detached(() => this.startNext(conversation));
  }

  private async startNext(conversation: WaitingConversation): Promise<void> {
    try {
      const begun = await this.queue.begin(conversation);
      if (begun) this.replies.start(await this.requests.jobFor(begun));
    } catch (error) {
      this.logger.warn({ err: error }, 'A queued reply could not be begun; later');
    }
  }

  /** Begins what nobody has begun: its process is gone, or could not. Never for users who are locked out. */
  async sweep(): Promise<void> {
    if (this.draining.active) return;
    await this.queue.cancelLockedOut();
    for (const conversation of await this.queue.waiting(BATCH)) await this.kick(conversation);
  }
}
