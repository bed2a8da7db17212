import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { REPLY_BOUNDS } from '../../config/bounds';
import { isOpen, type ConversationRef } from '../../messages/message.types';
import { MessagesService, type MessageHeader } from '../../messages/messages.service';
import { OpenRepliesService } from '../../messages/open-replies.service';
import { QueueService } from '../../messages/queue.service';
import { stopPending } from '../reply.errors';
import { QueuedReplyWatcher } from '../read/queued-reply-watcher';
import { ActiveReplies } from '../produce/active-replies';

/**
 * First and longest interval between two polls of a reply that another process ends; that process polls for stop requests every
 * 100 ms.
 */
const FIRST_POLL_INTERVAL_MS = 20;
const MAX_POLL_INTERVAL_MS = 100;

/** Cancels queued and stops active replies for their user, in whichever process they run. Called by `RepliesService`, `OnBusyPolicy`. */
@Injectable()
export class ReplyCanceller {
  constructor(
    private readonly messages: MessagesService,
    private readonly openReplies: OpenRepliesService,
    private readonly queue: QueueService,
    private readonly active: ActiveReplies,
    private readonly watch: QueuedReplyWatcher,
  ) {}

  /**
   * Cancels or stops one reply. Settles when it is closed, however it ended.
   * @throws AppError `stop_pending` if that takes too long
   */
  async cancel(reply: MessageHeader): Promise<void> {
    if (reply.status === 'queued' && (await this.queue.cancel(reply.user_id, reply.id)))
      this.watch.wake([reply.id]);
    else if (isOpen(reply)) await this.cancelRunning(reply);
  }

  /**
   * Ends the active and the queued replies of a conversation. Queued ones first: otherwise the next of them would start.
   * @throws AppError `stop_pending`
   */
  async cancelAll(of: ConversationRef): Promise<void> {
    this.watch.wake(await this.queue.cancelAll(of));
    const reply = await this.messages.runningReply(of);
    if (reply) await this.cancelRunning(reply);
  }

  /** A reply is stored a moment before it is active: one that is open but not active here yet is polled for again. */
  private async cancelRunning({ id, user_id }: Pick<MessageHeader, 'id' | 'user_id'>): Promise<void> {
    if (!this.active.has(id)) await this.openReplies.requestStop(user_id, id);
    const deadline = Date.now() + REPLY_BOUNDS.stopPatience.limit;
    for (
      let wait = FIRST_POLL_INTERVAL_MS;
      Date.now() < deadline;
      wait = Math.min(wait * 1.5, MAX_POLL_INTERVAL_MS)
    ) {
      await this.active.stop(id, 'stopped');
      const reply = await this.messages.findHeader(user_id, id);
      if (!reply || !isOpen(reply)) return;
      await sleep(wait, undefined, { ref: false });
    }
    throw stopPending();
  }
}
