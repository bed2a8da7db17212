import { Injectable, Logger } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRefused } from '../../database/database-error';
import type { MessageAttempt, ReplyOutcome, StoredUsage, WrittenReply } from '../../messages/message.types';
import { MessagesService, type ClosedReply } from '../../messages/messages.service';
import { NoopObserver, Observer } from '../../observability/observer';
import { ReplyContent } from '../../messages/reply-content';
import { errorEvent, terminalEvent } from '../events/event-codec';
import { failedEnding, interrupted, REFUSED, STORAGE_UNAVAILABLE } from '../events/reply-outcome';
import { ReplyLog } from '../log/reply-log';
import { countTokensInSlices } from '../../llm/tokens/sliced-token-count';
import { storableForms } from '../events/storable-content';

export interface ReplyResult {
  content: ReplyContent;
  attempts: MessageAttempt[];
  usage: StoredUsage | null;
  /** Undefined until it is known. */
  ending: Pick<ReplyOutcome, 'status' | 'finish_reason' | 'error'> | undefined;
  /** When this process began to produce it (`performance.now()`). */
  startedAt: number;
}

/** Delays between attempts to store a finished reply; then its readers get an error, and attempts continue until it is stored. */
const STORE_RETRIES_MS = [100, 500, ...Array.from({ length: 8 }, () => 2_000)];
const STORE_LATER_MS = 5_000;
const NO_USAGE = { attempts: [], usage: null };

interface FinishedReply {
  content: ReplyContent;
  startedAt: number;
  outcome: ReplyOutcome & { tokens: number; model?: string; provider?: string };
}

/** The reply as it is stored; undefined if it is no longer open; `unavailable` if it could not be stored. */
type StoredReply = ClosedReply | undefined | 'unavailable';

/** Stores finished replies in their messages, and only then shows their terminal events. Called by `ReplyProducer`, `OrphanedReplies`. */
@Injectable()
export class ReplyFinalizer {
  private readonly logger = new Logger(ReplyFinalizer.name);
  private readonly finalizedReplies = new Subject<ClosedReply>();
  /** Ids of replies that are finished, but that the database could not store yet. */
  private readonly unsaved = new Set<string>();

  constructor(
    private readonly messages: MessagesService,
    private readonly log: ReplyLog,
    private readonly observer: Observer = new NoopObserver(),
  ) {}

  /** Emits each reply when it has been stored and its log has ended. */
  get finalized(): Observable<ClosedReply> {
    return this.finalizedReplies;
  }

  /** Whether the reply is still to be stored by this process. */
  isSaving(messageId: string): boolean {
    return this.unsaved.has(messageId);
  }

  /** Closes a reply of which nothing is known but that it is open, as interrupted and empty; false if it was no longer open. */
  async finalizeUnknown(writer: WrittenReply): Promise<boolean> {
    return !!(await this.messages.finishReply(writer, new ReplyContent(), interrupted(0)));
  }

  /** Stores a finished reply and ends its log. Never throws. */
  async finalize(writer: WrittenReply, result: ReplyResult): Promise<void> {
    const { message_id: messageId } = writer;
    await this.log.flush(messageId);
    const { content, startedAt } = result;
    const finished = { content, startedAt, outcome: await outcomeOf(result) };
    const reply = await this.saveWithRetry(writer, finished);
    if (reply === 'unavailable') {
      this.log.fail(messageId, errorEvent(STORAGE_UNAVAILABLE));
      void this.saveLater(writer, finished);
    } else if (reply) {
      this.log.complete(messageId, terminalEvent(reply));
      this.announce(reply, finished);
      // Others have closed or removed the reply, or an earlier attempt was stored although its response was lost.
    } else this.log.drop(messageId);
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
    const { message_id: messageId } = writer;
    let reply: StoredReply;
    this.unsaved.add(messageId);
    do await sleep(STORE_LATER_MS, undefined, { ref: false });
    while ((reply = await this.save(writer, finished)) === 'unavailable');
    this.unsaved.delete(messageId);
    this.log.drop(messageId);
    if (reply) this.announce(reply, finished);
  }

  private announce(reply: ClosedReply, { outcome, startedAt }: FinishedReply): void {
    this.finalizedReplies.next(reply);
    this.observer.replyEnded({
      status: reply.status,
      error: reply.error?.code ?? null,
      model: outcome.model ?? null,
      ms: performance.now() - startedAt,
    });
  }

  private async save(writer: WrittenReply, finished: FinishedReply): Promise<StoredReply> {
    const reply = await this.trySave(writer, finished);
    return reply === 'refused' ? this.saveStorablePart(writer, finished) : reply;
  }

  /** Stores what the database accepts of the content, as a failed reply, so that the conversation is not blocked. */
  private async saveStorablePart(
    writer: WrittenReply,
    { content: refused, outcome, startedAt }: FinishedReply,
  ): Promise<StoredReply> {
    for (const content of storableForms(refused)) {
      const { attempts, usage } = content.eventCount ? outcome : NO_USAGE;
      const tokens = await countTokensInSlices(content.text);
      const shortened = { content, startedAt, outcome: { ...REFUSED, attempts, usage, tokens } };
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
      this.logger.error(
        { message_id: writer.message_id, err: error },
        'A finished reply could not be stored',
      );
      return isRefused(error) ? 'refused' : 'unavailable';
    }
  }
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
