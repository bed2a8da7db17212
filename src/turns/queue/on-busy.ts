import { Injectable } from '@nestjs/common';
import type { Conversation } from '../../conversations/conversations.service';
import { AppError } from '../../errors/app-error';
import { ReplyCanceller } from '../../replies/lifecycle/reply-canceller';
import type { ReplyOptions } from '../turn-command';
import { TurnQueue } from './turn-queue';

/** Tries of an interrupting turn: another turn may be opened between the end of the cancelled reply and the next try. */
const MAX_TRIES = 10;

/**
 * `on_busy: "interrupt"`: cancels the replies that keep a turn from being opened. `queue` and `reject` are decided where the turn is stored
 * (`TurnsService.open`).
 */
@Injectable()
export class OnBusyPolicy {
  constructor(
    private readonly canceller: ReplyCanceller,
    private readonly queue: TurnQueue,
  ) {}

  /**
   * Makes room for a turn that was refused: with `interrupt` the conversation's running and queued replies are cancelled, so that
   * the caller can try again.
   * @throws `error` if it has another reason, or if the turn does not interrupt; AppError `stop_pending`
   */
  async interrupt(
    conversation: Conversation | undefined,
    { on_busy }: ReplyOptions,
    error: unknown,
    tries: number,
  ): Promise<void> {
    const isBusy = error instanceof AppError && error.code === 'reply_in_progress';
    if (!isBusy || !conversation || on_busy !== 'interrupt' || tries === MAX_TRIES) throw error;
    await this.canceller.cancelAll({ userId: conversation.user_id, conversationId: conversation.id });
  }

  /** Starts the turn that was just queued here if no reply runs: the one that it waits for may have ended before the turn was stored. */
  kick({ id, user_id }: Conversation): Promise<void> {
    return this.queue.kick({ conversation_id: id, user_id });
  }
}
