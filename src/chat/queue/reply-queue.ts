import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { filter } from 'rxjs';
import { Draining } from '../../http/draining';
import { detached } from '../../logging/detached';
import type { WaitingConversation } from '../../messages/message.types';
import { QueueService } from '../../messages/queue.service';
import { ReplyCloser } from '../reply/reply-closer';
import { ReplyGenerator } from '../reply/reply-generator';
import { QueuedRequests } from './queued-requests';

/** How many conversations are looked after at a time. */
const BATCH = 100;

/** Begins queued replies when it is their turn, in whichever process notices it first. */
@Injectable()
export class ReplyQueue implements OnModuleInit {
  private readonly logger = new Logger(ReplyQueue.name);

  constructor(
    private readonly queue: QueueService,
    private readonly requests: QueuedRequests,
    private readonly replies: ReplyGenerator,
    private readonly closer: ReplyCloser,
    private readonly draining: Draining,
  ) {}

  onModuleInit(): void {
    this.closer.closed.pipe(filter(({ awaited }) => awaited)).subscribe((reply) => void this.next(reply));
  }

  /** Begins what comes next in a conversation, if nothing runs there. Never throws: what fails is found by `sweep`. */
  async next(conversation: WaitingConversation): Promise<void> {
    if (this.draining.active) return;
    // What comes next is of another request than the one at whose end it is noticed.
    await detached(() => this.begin(conversation));
  }

  private async begin(conversation: WaitingConversation): Promise<void> {
    try {
      const begun = await this.queue.begin(conversation);
      if (begun) this.replies.start(await this.requests.of(begun));
    } catch (error) {
      this.logger.warn({ err: error }, 'A queued reply could not be begun; later');
    }
  }

  /** Begins what nobody has begun: its process is gone, or could not. Never for users who are locked out. */
  async sweep(): Promise<void> {
    if (this.draining.active) return;
    await this.queue.cancelLockedOut();
    for (const conversation of await this.queue.waiting(BATCH)) await this.next(conversation);
  }
}
