import { Injectable } from '@nestjs/common';
import { REPLY_BOUNDS } from '../../config/bounds';
import { isOpen, replyRef, type ConversationRef } from '../../messages/message.types';
import { MessagesService, type MessageHeader } from '../../messages/messages.service';
import { OpenRepliesService } from '../../messages/open-replies.service';
import { QueueService } from '../../messages/queue.service';
import { stopPending } from '../reply.errors';
import { OpenReplyWatcher } from '../read/open-reply-watcher';
import { ActiveReplies } from '../produce/active-replies';

/** Cancels queued and stops active replies for their user, in whichever process they run. Called by `RepliesService`, `OnBusyPolicy`. */
@Injectable()
export class ReplyCanceller {
  constructor(
    private readonly messages: MessagesService,
    private readonly openReplies: OpenRepliesService,
    private readonly queue: QueueService,
    private readonly active: ActiveReplies,
    private readonly watcher: OpenReplyWatcher,
  ) {}

  /**
   * Cancels or stops one reply. Settles when it is closed, however it ended.
   * @throws AppError `stop_pending` if that takes too long
   */
  async cancel(reply: MessageHeader): Promise<void> {
    if (reply.status === 'queued' && (await this.queue.cancel(reply.user_id, reply.id)))
      this.watcher.wake([reply.id]);
    else if (isOpen(reply)) await this.cancelRunning(reply);
  }

  /**
   * Ends the active and the queued replies of a conversation. Queued ones first: otherwise the next of them would start.
   * @throws AppError `stop_pending`
   */
  async cancelAll(of: ConversationRef): Promise<void> {
    this.watcher.wake(await this.queue.cancelAll(of));
    const reply = await this.messages.runningReply(of);
    if (reply) await this.cancelRunning(reply);
  }

  /** Stops an open reply, wherever it runs. A reply is stored a moment before it is active: one that is not active yet is stopped when it is. */
  private async cancelRunning(reply: MessageHeader): Promise<void> {
    const ref = replyRef(reply);
    const changes = this.watcher.changesOf(ref);
    const deadline = Date.now() + REPLY_BOUNDS.stopWait.limit;
    try {
      if (!this.active.has(ref)) await this.openReplies.requestStop(ref);
      for (;;) {
        await this.active.stop(ref, 'stopped');
        const now = await this.messages.findHeader(ref.userId, ref.messageId);
        if (!now || !isOpen(now)) return;
        const atMostMs = deadline - Date.now();
        if (atMostMs <= 0) throw stopPending();
        await changes.wait(now, { atMostMs });
      }
    } finally {
      changes.end();
    }
  }
}
