import { Injectable } from '@nestjs/common';
import type { ReplySlot } from '../../llm/slots/reply-slot';
import type { WaitingConversation } from '../../messages/message.types';
import { QueueService } from '../../messages/queue.service';
import { NoopObserver, Observer } from '../../observability/observer';
import { ReplyProducer } from '../../replies/produce/reply-producer';
import { QueuedReplyJobs } from './queued-reply-jobs';

/** Starts the first queued reply of a conversation. Called by `TurnQueue` and `SlotFiller`. */
@Injectable()
export class QueuedReplyStarter {
  constructor(
    private readonly queue: QueueService,
    private readonly jobs: QueuedReplyJobs,
    private readonly producer: ReplyProducer,
    private readonly observer: Observer = new NoopObserver(),
  ) {}

  /**
   * Starts the first queued reply. False if none was started: `onlyId` is not the first any more, or another reply runs; the slot is then released.
   * @param onlyId starts no other reply than this one
   * @param slot slot of the reply, held if its model has a limit
   */
  async start(
    conversation: WaitingConversation,
    onlyId?: string,
    slot: ReplySlot = this.producer.slotFor(conversation.user_id),
  ): Promise<boolean> {
    let started = false;
    try {
      const turn = await this.queue.begin(conversation, onlyId);
      if (!turn) return false;
      const job = await this.jobs.jobFor(turn);
      // The model may by now be one of the user's own with the same id, which has no limit.
      if (job.targets) slot.release();
      this.producer.start({ ...job, slot });
      this.observer.queueWait(Math.max(Date.now() - turn.reply.created_at.getTime(), 0));
      return (started = true);
    } finally {
      if (!started) slot.release();
    }
  }
}
