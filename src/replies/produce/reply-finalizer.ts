import { Injectable, Logger } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRefused } from '../../database/database-error';
import type { MessageAttempt, ReplyOutcome, StoredUsage, WrittenReply } from '../../messages/message.types';
import { MessagesService, type ClosedReply } from '../../messages/messages.service';
import { ReplyContent } from '../../messages/reply-content';
import { errorEvent, terminalEvent } from '../events/event-codec';
import { failedEnding, interrupted, REFUSED, STORAGE_UNAVAILABLE } from '../events/reply-outcome';
import { ReplyLog } from '../log/reply-log';
import { countTokensInSlices } from '../events/sliced-token-count';
import { storableForms } from '../events/storable-content';

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
const NOTHING_ELSE = { attempts: [], usage: null };

interface FinishedReply {
  content: ReplyContent;
  outcome: ReplyOutcome & { tokens: number; model?: string; provider?: string };
}

/** The reply as it is stored; undefined if it is no longer open. */
type StoredReply = ClosedReply | undefined | 'unavailable';

/** Puts finished replies into their messages, and only then tells their readers how they ended. */
@Injectable()
export class ReplyFinalizer {
  private readonly logger = new Logger(ReplyFinalizer.name);
  private readonly finalizedReplies = new Subject<ClosedReply>();
  /** Replies that are finished, but that the database could not take yet. */
  private readonly unsaved = new Set<string>();

  constructor(
    private readonly messages: MessagesService,
    private readonly log: ReplyLog,
  ) {}

  /** Replies that have just been stored and told the end of. */
  get finalized(): Observable<ClosedReply> {
    return this.finalizedReplies;
  }

  /** Whether the reply is still to be stored by this process. */
  isSaving(messageId: string): boolean {
    return this.unsaved.has(messageId);
  }

  /** Ends a reply of which nothing is known but that it is open; whether it still was. */
  async finalizeUnknown(writer: WrittenReply): Promise<boolean> {
    return !!(await this.messages.finishReply(writer, new ReplyContent(), interrupted(0)));
  }

  /** Never throws. */
  async finalize(writer: WrittenReply, result: ReplyResult): Promise<void> {
    const { message_id: messageId } = writer;
    await this.log.flush(messageId);
    const finished = { content: result.content, outcome: await outcomeOf(result) };
    const reply = await this.saveWithRetry(writer, finished);
    if (reply === 'unavailable') {
      this.log.fail(messageId, errorEvent(STORAGE_UNAVAILABLE));
      void this.saveLater(writer, finished);
    } else if (reply) {
      this.log.complete(messageId, terminalEvent(reply));
      this.finalizedReplies.next(reply);
      // Others have closed or removed it, or an earlier try was stored although its answer was lost.
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

  /** The readers have been told, but the reply is still open and keeps its conversation from going on. */
  private async saveLater(writer: WrittenReply, finished: FinishedReply): Promise<void> {
    const { message_id: messageId } = writer;
    let reply: StoredReply;
    this.unsaved.add(messageId);
    do await sleep(STORE_LATER_MS, undefined, { ref: false });
    while ((reply = await this.save(writer, finished)) === 'unavailable');
    this.unsaved.delete(messageId);
    this.log.drop(messageId);
    if (reply) this.finalizedReplies.next(reply);
  }

  private async save(writer: WrittenReply, finished: FinishedReply): Promise<StoredReply> {
    const reply = await this.trySave(writer, finished);
    return reply === 'refused' ? this.saveStorablePart(writer, finished) : reply;
  }

  /** As a failed reply, so that the conversation goes on. */
  private async saveStorablePart(
    writer: WrittenReply,
    { content: refused, outcome }: FinishedReply,
  ): Promise<StoredReply> {
    for (const content of storableForms(refused)) {
      const { attempts, usage } = content.length ? outcome : NOTHING_ELSE;
      const tokens = await countTokensInSlices(content.text);
      const less = { content, outcome: { ...REFUSED, attempts, usage, tokens } };
      const reply = await this.trySave(writer, less);
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
  const answering = attempts.at(-1);
  return {
    ...(ending ?? failedEnding(undefined)),
    attempts,
    usage,
    tokens: await countTokensInSlices(content.text),
    ...(answering && { model: answering.model, provider: answering.provider }),
  };
}
