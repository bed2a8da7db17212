import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { isNotFound } from '../../errors/app-error';
import { isOpen } from '../../messages/message.types';
import { MessagesService, type MessageHeader } from '../../messages/messages.service';
import { OpenRepliesService } from '../../messages/open-replies.service';
import { QueueService } from '../../messages/queue.service';
import { QueueWatch } from '../queue/queue-watch';
import { RunningReplies } from './running-replies';

/** How long a reply that runs elsewhere may take to end: until its process, if that is gone, has been replaced. */
const PATIENCE_MS = 25_000;
const LOOK_MS = 20;

/** Ends replies for their user: those that wait, and those that run, in whichever process. */
@Injectable()
export class ReplyStopper {
  constructor(
    private readonly messages: MessagesService,
    private readonly openReplies: OpenRepliesService,
    private readonly queue: QueueService,
    private readonly running: RunningReplies,
    private readonly watch: QueueWatch,
  ) {}

  /** Settles when the reply is closed, however it ended. */
  async stop(reply: MessageHeader): Promise<void> {
    if (reply.status === 'queued' && (await this.queue.cancel(reply.id))) this.watch.nudge([reply.id]);
    else if (isOpen(reply)) await this.stopRunning(reply);
  }

  /** Ends all that runs and waits in a conversation. What waits goes first, or it would begin. */
  async stopAll(conversationId: string): Promise<void> {
    this.watch.nudge(await this.queue.cancelAll(conversationId));
    const reply = await this.messages.runningReply(conversationId);
    if (reply) await this.stopRunning(reply);
  }

  /** A reply is stored a moment before it runs: one that is open and does not run here yet is looked for again. */
  private async stopRunning({ id, user_id }: Pick<MessageHeader, 'id' | 'user_id'>): Promise<void> {
    if (!this.running.has(id)) await this.openReplies.requestStop(user_id, id);
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(LOOK_MS)) {
      await this.running.stop(id, 'stopped');
      if (!(await this.isStillOpen(user_id, id))) return;
    }
  }

  private async isStillOpen(userId: string, id: string): Promise<boolean> {
    try {
      return isOpen(await this.messages.get(userId, id));
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }
}
