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

const CHECKPOINT_MS = 1_000;
/** Waits between tries to store a finished reply; then the readers are told, and the sweeper closes it later. */
const STORE_RETRIES_MS = [100, 500, 2_000, 5_000, 10_000];

/** Puts replies into their messages: as far as they are while they run, whole at the end, and only then told to readers. */
@Injectable()
export class ReplyCloser {
  private readonly logger = new Logger(ReplyCloser.name);

  constructor(
    private readonly messages: MessagesService,
    private readonly log: ReplyLog,
  ) {}

  /** Stores what the reply holds each second while it grows, so that a crash keeps it. */
  checkpoints(messageId: string, content: ReplyContent): { stop(): Promise<void> } {
    let stored = 0;
    let storing = Promise.resolve();
    const store = async () => {
      if (content.length === stored) return;
      stored = content.length;
      await this.messages.checkpoint(messageId, content).catch((error: unknown) => {
        stored = 0;
        this.logger.warn({ message_id: messageId, err: error }, 'A checkpoint failed');
      });
    };
    const timer = setInterval(() => void (storing = storing.then(store)), CHECKPOINT_MS);
    return {
      stop: () => {
        clearInterval(timer);
        return storing;
      },
    };
  }

  /** Never throws. */
  async close(messageId: string, result: ReplyResult, signal: AbortSignal): Promise<void> {
    const reply = await this.store(messageId, result);
    if (reply === 'unavailable') return this.log.append(messageId, [errorEvent(STORAGE_UNAVAILABLE)]);
    await this.log.append(messageId, [reply ? terminalEvent(reply) : errorEvent(lostError(signal.reason))]);
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
