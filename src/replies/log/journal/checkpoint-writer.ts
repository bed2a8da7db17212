import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { REPLY_BOUNDS } from '../../../config/bounds';
import type { WrittenReply } from '../../../messages/message.types';
import { OpenRepliesService } from '../../../messages/open-replies.service';
import type { ReplyContent } from '../../../messages/reply-content';
import { JournalWriter } from './journal-writer';

const LOOK_MS = 2_500;

interface WatchedReply {
  writer: WrittenReply;
  content: ReplyContent;
  /** When it was checkpointed last, or opened (`performance.now()`). */
  at: number;
  /** Events that the last checkpoint holds. */
  events: number;
}

/**
 * Stores what long replies hold so far in their rows (`open_replies`), so that the journal can go up to there. Recovery and readers in
 * other processes then have only seconds of traffic to read, however long the oldest reply has been running.
 */
@Injectable()
export class CheckpointWriter implements OnModuleDestroy {
  private readonly logger = new Logger(CheckpointWriter.name);
  private readonly replies = new Map<string, WatchedReply>();
  private readonly timer = setInterval(() => void this.checkpointDue(), LOOK_MS).unref();
  private looking = false;

  constructor(
    private readonly openReplies: OpenRepliesService,
    private readonly journal: JournalWriter,
  ) {}

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  register(writer: WrittenReply, content: ReplyContent): void {
    this.replies.set(writer.message_id, { writer, content, at: performance.now(), events: 0 });
  }

  unregister(messageId: string): void {
    this.replies.delete(messageId);
  }

  /** Checkpoints what has not been for so long, one reply after the other. */
  async checkpointDue(ageMs: number = REPLY_BOUNDS.checkpointInterval.limit): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    const due = performance.now() - ageMs;
    for (const reply of this.replies.values()) {
      if (reply.at <= due) await this.store(reply);
    }
    this.looking = false;
  }

  /** Never throws: a reply that cannot be stored now is due at the next look. */
  private async store(reply: WatchedReply): Promise<void> {
    const { writer, content } = reply;
    const { eventCount: events } = content;
    // What is appended from now on goes into this batch or later ones; all before is in the content.
    const batch = this.journal.nextBatch;
    try {
      const changed = events > reply.events ? content : undefined;
      if (!(await this.openReplies.checkpoint(writer, batch, changed))) return;
      this.journal.advanceTo(writer.message_id, batch);
      reply.events = events;
      reply.at = performance.now();
    } catch (error) {
      this.logger.warn(
        { message_id: writer.message_id, err: error },
        'A reply could not be checkpointed; later',
      );
    }
  }
}
