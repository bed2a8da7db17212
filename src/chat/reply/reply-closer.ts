import { Injectable, Logger } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { setTimeout as sleep } from 'node:timers/promises';
import { countTokens } from '../../llm/tokens/token-counter';
import type { MessageAttempt, ReplyOutcome, StoredUsage } from '../../messages/message.types';
import { MessagesService, type ClosedReply } from '../../messages/messages.service';
import type { ReplyContent } from '../../messages/reply-content';
import { errorEvent, terminalEvent } from './reply-event';
import { failedEnding, STORAGE_UNAVAILABLE } from './reply-outcome';
import { ReplyLog } from './reply-log';

export interface ReplyResult {
  content: ReplyContent;
  attempts: MessageAttempt[];
  usage: StoredUsage | null;
  /** Undefined if the model ended without a word about why. */
  ending: Pick<ReplyOutcome, 'status' | 'finish_reason' | 'error'> | undefined;
}

/** Waits between tries to store a finished reply; then the readers are told, and it is tried for as long as it takes. */
const STORE_RETRIES_MS = [100, 500, ...Array.from({ length: 8 }, () => 2_000)];
const STORE_LATER_MS = 5_000;

/** The reply as it is stored; undefined if it is no longer open. */
type StoredReply = ClosedReply | undefined | 'unavailable';

/** Puts finished replies into their messages, and only then tells their readers how they ended. */
@Injectable()
export class ReplyCloser {
  private readonly logger = new Logger(ReplyCloser.name);
  private readonly ends = new Subject<ClosedReply>();
  /** Replies that are finished, but that the database could not take yet. */
  private readonly unstored = new Set<string>();

  constructor(
    private readonly messages: MessagesService,
    private readonly log: ReplyLog,
  ) {}

  /** Replies that have just been stored and told the end of. */
  get closed(): Observable<ClosedReply> {
    return this.ends;
  }

  /** Whether the reply is still to be stored by this process. */
  holds(messageId: string): boolean {
    return this.unstored.has(messageId);
  }

  /** Never throws. */
  async close(messageId: string, result: ReplyResult): Promise<void> {
    await this.log.settle(messageId);
    const reply = await this.storePatiently(messageId, result);
    if (reply === 'unavailable') {
      this.log.fail(messageId, errorEvent(STORAGE_UNAVAILABLE));
      void this.storeLater(messageId, result);
    } else if (reply) {
      this.log.close(messageId, terminalEvent(reply));
      this.ends.next(reply);
      // Others have closed or removed it, or an earlier try was stored although its answer was lost.
    } else this.log.release(messageId);
  }

  private async storePatiently(messageId: string, result: ReplyResult): Promise<StoredReply> {
    for (const wait of STORE_RETRIES_MS) {
      const reply = await this.store(messageId, result);
      if (reply !== 'unavailable') return reply;
      await sleep(wait);
    }
    return this.store(messageId, result);
  }

  /** The readers have been told, but the reply is still open and keeps its conversation from going on. */
  private async storeLater(messageId: string, result: ReplyResult): Promise<void> {
    let reply: StoredReply;
    this.unstored.add(messageId);
    do await sleep(STORE_LATER_MS, undefined, { ref: false });
    while ((reply = await this.store(messageId, result)) === 'unavailable');
    this.unstored.delete(messageId);
    this.log.release(messageId);
    if (reply) this.ends.next(reply);
  }

  private async store(messageId: string, result: ReplyResult): Promise<StoredReply> {
    try {
      return await this.messages.finishReply(messageId, result.content, outcomeOf(result));
    } catch (error) {
      this.logger.error({ message_id: messageId, err: error }, 'A finished reply could not be stored');
      return 'unavailable';
    }
  }
}

function outcomeOf({ content, attempts, usage, ending }: ReplyResult) {
  const answering = attempts.at(-1);
  return {
    ...(ending ?? failedEnding(undefined)),
    attempts,
    usage,
    tokens: countTokens(content.text),
    ...(answering && { model: answering.model, provider: answering.provider }),
  };
}
