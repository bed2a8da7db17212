import { Injectable } from '@nestjs/common';
import type { Conversation } from '../../conversations/conversations.service';
import { AppError } from '../../errors/app-error';
import { ReplyStopper } from '../reply/reply-stopper';
import { ReplyQueue } from './reply-queue';

export const ON_BUSY = ['reject', 'queue', 'interrupt'] as const;
/** What a turn does while another reply of its conversation is open. */
export type OnBusy = (typeof ON_BUSY)[number];

/** Others may begin a turn in the moment between the end of one and the beginning of the next. */
const TRIES = 10;

/** What happens to turns that come while a reply is open. */
@Injectable()
export class BusyConversations {
  constructor(
    private readonly stopper: ReplyStopper,
    private readonly queue: ReplyQueue,
  ) {}

  /**
   * Opens a turn. One that interrupts ends what runs and waits in its conversation, whenever it finds it busy.
   * @throws AppError `reply_in_progress`, and whatever `open` throws
   */
  async getThrough<T>(
    conversationId: string | undefined,
    onBusy: OnBusy = 'reject',
    open: () => Promise<T>,
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await open();
      } catch (error) {
        if (onBusy !== 'interrupt' || !conversationId || !isBusy(error) || tries === TRIES) throw error;
        await this.stopper.stopAll(conversationId);
      }
    }
  }

  /** A reply waits there. What it waits for may have ended before it was stored. */
  waitsIn({ id, user_id }: Conversation): Promise<void> {
    return this.queue.next({ conversation_id: id, user_id });
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof AppError && error.code === 'reply_in_progress';
}
