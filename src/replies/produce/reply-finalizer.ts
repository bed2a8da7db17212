import { Injectable, Logger } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRefused } from '../../database/database-error';
import type { ReplyOutcome, ReplyRef, StoredUsage, WrittenReply } from '../../messages/message.types';
import { MessagesService, type ClosedReply } from '../../messages/messages.service';
import { NoopObserver, type ObservedReply, Observer } from '../../observability/observer';
import { ReplyContent, textOf, type StorableContent } from '../../messages/content/reply-content';
import type { TokenUsage } from '../../llm/llm-client';
import type { ModelAttempt } from '../../llm/run/attempt';
import { Signals } from '../../signals/signals';
import { replyTopic } from '../../signals/topics';
import { errorEvent, terminalEvent } from '../events/event-codec';
import { failedEnding, interrupted, REFUSED, STORAGE_UNAVAILABLE } from '../events/reply-outcome';
import { ReplyLog, type RecoveredReply } from '../log/reply-log';
import { countTokensInSlices } from '../../llm/tokens/sliced-token-count';
import { storableForms } from '../events/storable-content';

export interface ReplyResult {
  content: ReplyContent;
  attempts: ModelAttempt[];
  usage: StoredUsage | null;
  /** Undefined until it is known. */
  ending: Pick<ReplyOutcome, 'status' | 'finish_reason' | 'error'> | undefined;
  /** Time when this process began to produce the reply (`performance.now()`). */
  startedAt: number;
  /** Time of its first part (`performance.now()`); undefined if it has none. */
  firstPartAt: number | undefined;
  /** The provider's own text on the failure that ended the reply. */
  providerWords: string | undefined;
  /** Whether the reply is by a model of the user's own. */
  own: boolean;
}

/** Delays between attempts to store a finished reply; then its readers get an error, and attempts continue until it is stored. */
const STORE_RETRIES_MS = [100, 500, ...Array.from({ length: 8 }, () => 2_000)];
const STORE_LATER_MS = 5_000;
const NO_USAGE = { attempts: [], usage: null };

interface FinishedReply {
  content: ReplyContent;
  outcome: ReplyOutcome & { tokens: number; model?: string; provider?: string };
  result: ReplyResult;
}

/** The reply as it is stored; undefined if it is no longer open; `unavailable` if it could not be stored. */
type StoredReply = ClosedReply | undefined | 'unavailable';

/**
 * Stores finished replies in their messages, and only then shows their terminal events. Called by `ReplyProducer`; by `OrphanedReplies` and
 * `DeadInstanceReplies` for replies that no process produces any more.
 */
@Injectable()
export class ReplyFinalizer {
  private readonly logger = new Logger(ReplyFinalizer.name);
  private readonly finalizedReplies = new Subject<ClosedReply>();
  /** Ids of replies that are finished, but that the database could not store yet. */
  private readonly unsaved = new Set<string>();

  constructor(
    private readonly messages: MessagesService,
    private readonly log: ReplyLog,
    private readonly signals: Signals,
    private readonly observer: Observer = new NoopObserver(),
  ) {}

  /** Emits each reply when it has been stored and its log has ended. */
  get finalized$(): Observable<ClosedReply> {
    return this.finalizedReplies;
  }

  /** Whether the reply is still to be stored by this process. */
  isSaving(messageId: string): boolean {
    return this.unsaved.has(messageId);
  }

  /**
   * Closes a reply that no process produces any more, as interrupted, with its recovered content; false if it was no longer open.
   * @throws if the database cannot store it now
   */
  async finalizeRecovered({ reply, content }: RecoveredReply): Promise<boolean> {
    for (const form of formsOf(content)) {
      try {
        const outcome = interrupted(await countTokensInSlices(textOf(form.parts)));
        const closed = await this.messages.finishReply(reply, form, outcome);
        this.signals.publish(replyTopic(reply.messageId));
        if (closed) this.observer.replyEnded(recoveredReply(reply, closed));
        return closed !== undefined;
      } catch (error) {
        // The database rejects the text itself: a shorter one is better than a conversation that is blocked for ever.
        if (!isRefused(error)) throw error;
      }
    }
    return false;
  }

  /** Stores a finished reply and ends its log. Never throws. */
  async finalize(writer: WrittenReply, result: ReplyResult): Promise<void> {
    const { messageId } = writer;
    await this.log.flush(messageId);
    const finished = { content: result.content, outcome: await outcomeOf(result), result };
    const reply = await this.saveWithRetry(writer, finished);
    if (reply === 'unavailable') {
      this.log.detach(messageId, errorEvent(STORAGE_UNAVAILABLE));
      void this.saveLater(writer, finished);
      return;
    }
    if (reply) this.log.complete(messageId, terminalEvent(reply));
    // Another process has closed or removed the reply, or an earlier attempt was stored although its response was lost.
    else this.log.detach(messageId);
    this.announce(writer, reply, finished);
  }

  private announce(writer: WrittenReply, reply: ClosedReply | undefined, finished: FinishedReply): void {
    this.signals.publish(replyTopic(writer.messageId));
    if (reply) this.finalizedReplies.next(reply);
    this.observer.replyEnded(observedReply(writer, reply, finished));
  }

  private async saveWithRetry(writer: WrittenReply, finished: FinishedReply): Promise<StoredReply> {
    for (const wait of STORE_RETRIES_MS) {
      const reply = await this.save(writer, finished);
      if (reply !== 'unavailable') return reply;
      await sleep(wait);
    }
    return this.save(writer, finished);
  }

  /** Retries until the reply is stored: its readers have got an error, but it is still open and blocks its conversation. */
  private async saveLater(writer: WrittenReply, finished: FinishedReply): Promise<void> {
    const { messageId } = writer;
    let reply: StoredReply;
    this.unsaved.add(messageId);
    do await sleep(STORE_LATER_MS, undefined, { ref: false });
    while ((reply = await this.save(writer, finished)) === 'unavailable');
    this.unsaved.delete(messageId);
    this.log.detach(messageId);
    this.announce(writer, reply, finished);
  }

  private async save(writer: WrittenReply, finished: FinishedReply): Promise<StoredReply> {
    const reply = await this.trySave(writer, finished);
    return reply === 'refused' ? this.saveStorablePart(writer, finished) : reply;
  }

  /** Stores the longest form of the content that the database accepts, as a failed reply, so that the conversation is not blocked. */
  private async saveStorablePart(
    writer: WrittenReply,
    { content: refused, outcome, result }: FinishedReply,
  ): Promise<StoredReply> {
    for (const content of storableForms(refused)) {
      const { attempts, usage } = content.eventCount ? outcome : NO_USAGE;
      const tokens = await countTokensInSlices(content.text);
      const shortened = { content, result, outcome: { ...REFUSED, attempts, usage, tokens } };
      const reply = await this.trySave(writer, shortened);
      if (reply !== 'refused') return reply;
    }
    return 'unavailable';
  }

  private async trySave(
    writer: WrittenReply,
    { content, outcome }: FinishedReply,
  ): Promise<StoredReply | 'refused'> {
    try {
      return await this.messages.finishReply(writer, content, outcome);
    } catch (error) {
      this.logger.error({ message_id: writer.messageId, err: error }, 'A finished reply could not be stored');
      return isRefused(error) ? 'refused' : 'unavailable';
    }
  }
}

/** The content as it is, then the shorter forms that can be stored. */
function* formsOf(content: StorableContent): Generator<StorableContent> {
  yield content;
  yield* storableForms(ReplyContent.of(content.parts, content.eventLengths));
}

async function outcomeOf({
  content,
  attempts,
  usage,
  ending,
}: ReplyResult): Promise<FinishedReply['outcome']> {
  const lastAttempt = attempts.at(-1);
  return {
    ...(ending ?? failedEnding(undefined)),
    attempts,
    usage,
    tokens: await countTokensInSlices(content.text),
    ...(lastAttempt && { model: lastAttempt.model, provider: lastAttempt.provider }),
  };
}

/** @param reply as it is stored; undefined if others have closed or removed it */
function observedReply(
  { conversationId, messageId }: ReplyRef,
  reply: ClosedReply | undefined,
  { outcome, result }: FinishedReply,
): ObservedReply {
  const { status, finish_reason, error } = reply ?? outcome;
  const { attempts, own, startedAt, firstPartAt, providerWords } = result;
  return {
    conversation_id: conversationId,
    message_id: messageId,
    status,
    finish_reason,
    error: error?.code ?? null,
    ...(providerWords !== undefined && { provider_words: providerWords }),
    model: outcome.model ?? null,
    provider: outcome.provider ?? null,
    own,
    attempts: attempts.map((attempt) => ({ ...attempt, own })),
    usage: outcome.usage && tokensOf(outcome.usage),
    first_token_ms: firstPartAt === undefined ? null : Math.round(firstPartAt - startedAt),
    duration_ms: Math.round(performance.now() - startedAt),
    ...(!reply && { unsaved: true }),
  };
}

/** Facts on a reply whose process is gone: only its end is known. */
function recoveredReply(
  { conversationId, messageId }: ReplyRef,
  { status, finish_reason, error }: ClosedReply,
): ObservedReply {
  return {
    conversation_id: conversationId,
    message_id: messageId,
    status,
    finish_reason,
    error: error?.code ?? null,
    model: null,
    provider: null,
    own: false,
    attempts: [],
    usage: null,
    first_token_ms: null,
    duration_ms: null,
  };
}

function tokensOf({ own: _own, ...tokens }: StoredUsage): TokenUsage {
  return tokens;
}
