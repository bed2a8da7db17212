import { Injectable, Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenUsage } from '../../llm/llm-client';
import { countTokens } from '../../llm/tokens/token-counter';
import type { MessageAttempt, ReplyOutcome } from '../../messages/message.types';
import { MessagesService, type Message } from '../../messages/messages.service';
import type { ReplyContent } from '../../messages/reply-content';
import { errorEvent, terminalEvent } from './reply-event';
import { failedEnding, lostError, STORAGE_UNAVAILABLE } from './reply-outcome';
import { ReplyLog } from './reply-log';

export interface ReplyResult {
  content: ReplyContent;
  attempts: MessageAttempt[];
  usage: TokenUsage | null;
  /** Undefined if the model ended without a word about why. */
  ending: Pick<ReplyOutcome, 'status' | 'finish_reason' | 'error'> | undefined;
}

/** Waits between tries to store a finished reply; then the readers are told, and the sweeper closes it later. */
const STORE_RETRIES_MS = [100, 500, 2_000, 5_000, 10_000];

/** Puts finished replies into their messages, and only then tells their readers how they ended. */
@Injectable()
export class ReplyCloser {
  private readonly logger = new Logger(ReplyCloser.name);

  constructor(
    private readonly messages: MessagesService,
    private readonly log: ReplyLog,
  ) {}

  /** Never throws. */
  async close(messageId: string, result: ReplyResult, signal: AbortSignal): Promise<void> {
    await this.log.settle(messageId);
    const reply = await this.store(messageId, result);
    if (reply === 'unavailable') return this.log.close(messageId, errorEvent(STORAGE_UNAVAILABLE), false);
    if (!reply) return this.log.close(messageId, errorEvent(lostError(signal.reason)), false);
    this.log.close(messageId, terminalEvent(reply), true);
  }

  /** Undefined if the reply is no longer open. */
  private async store(messageId: string, result: ReplyResult): Promise<Message | undefined | 'unavailable'> {
    for (const wait of [...STORE_RETRIES_MS, undefined]) {
      try {
        return await this.messages.finishReply(messageId, result.content, outcomeOf(result));
      } catch (error) {
        this.logger.error({ message_id: messageId, err: error }, 'A finished reply could not be stored');
        if (wait) await sleep(wait);
      }
    }
    return 'unavailable';
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
