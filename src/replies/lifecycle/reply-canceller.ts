import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { REPLY_BOUNDS } from '../../config/bounds';
import { isOpen } from '../../messages/message.types';
import { MessagesService, type MessageHeader } from '../../messages/messages.service';
import { OpenRepliesService } from '../../messages/open-replies.service';
import { QueueService } from '../../messages/queue.service';
import { stopPending } from '../reply.errors';
import { QueuedReplyWatcher } from '../read/queued-reply-watcher';
import { ActiveReplies } from '../produce/active-replies';

/** Between two looks at a reply that ends elsewhere; the process that writes it looks for requests to stop every 100 ms. */
const FIRST_LOOK_MS = 20;
const LOOK_MS = 100;

/** Ends replies for their user: those that wait, and those that run, in whichever process. */
@Injectable()
export class ReplyCanceller {
  constructor(
    private readonly messages: MessagesService,
    private readonly openReplies: OpenRepliesService,
    private readonly queue: QueueService,
    private readonly running: ActiveReplies,
    private readonly watch: QueuedReplyWatcher,
  ) {}

  /**
   * Settles when the reply is closed, however it ended.
   * @throws AppError `stop_pending` if that takes too long
   */
  async cancel(reply: MessageHeader): Promise<void> {
    if (reply.status === 'queued' && (await this.queue.cancel(reply.id))) this.watch.wake([reply.id]);
    else if (isOpen(reply)) await this.cancelRunning(reply);
  }

  /**
   * Ends all that runs and waits in a conversation. What waits goes first, or it would begin.
   * @throws AppError `stop_pending`
   */
  async cancelAll(conversationId: string): Promise<void> {
    this.watch.wake(await this.queue.cancelAll(conversationId));
    const reply = await this.messages.runningReply(conversationId);
    if (reply) await this.cancelRunning(reply);
  }

  /** A reply is stored a moment before it runs: one that is open and does not run here yet is looked for again. */
  private async cancelRunning({ id, user_id }: Pick<MessageHeader, 'id' | 'user_id'>): Promise<void> {
    if (!this.running.has(id)) await this.openReplies.requestStop(user_id, id);
    const end = Date.now() + REPLY_BOUNDS.stopPatience.limit;
    for (let wait = FIRST_LOOK_MS; Date.now() < end; wait = Math.min(wait * 1.5, LOOK_MS)) {
      await this.running.stop(id, 'stopped');
      const reply = await this.messages.findHeader(user_id, id);
      if (!reply || !isOpen(reply)) return;
      await sleep(wait, undefined, { ref: false });
    }
    throw stopPending();
  }
}
