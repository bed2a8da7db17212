import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { REPLY_BOUNDS } from '../../../config/bounds';
import type { WrittenReply } from '../../../messages/message.types';
import { OpenRepliesService } from '../../../messages/open-replies.service';
import type { ReplyContent } from '../../../messages/content/reply-content';
import { JournalWriter } from './journal-writer';

const POLL_INTERVAL_MS = 2_500;

interface WatchedReply {
  writer: WrittenReply;
  content: ReplyContent;
  /** Time of the last checkpoint, or of the opening (`performance.now()`). */
  checkpointedAt: number;
  /** Number of events in the last checkpoint. */
  events: number;
}

/**
 * Stores the content of long-running replies in their rows (`open_replies`), so that the journal can be dropped up to that point.
 * Recovery and readers in other processes then have only seconds of traffic to read, however long the oldest reply has been running.
 * Called by `JournalReplyLog`.
 */
@Injectable()
export class CheckpointWriter implements OnModuleDestroy {
  private readonly logger = new Logger(CheckpointWriter.name);
  private readonly replies = new Map<string, WatchedReply>();
  private readonly timer = setInterval(() => void this.checkpointDue(), POLL_INTERVAL_MS).unref();
  private checking = false;

  constructor(
    private readonly openReplies: OpenRepliesService,
    private readonly journal: JournalWriter,
  ) {}

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  register(writer: WrittenReply, content: ReplyContent): void {
    this.replies.set(writer.messageId, { writer, content, checkpointedAt: performance.now(), events: 0 });
  }

  unregister(messageId: string): void {
    this.replies.delete(messageId);
  }

  /** Checkpoints the replies whose last checkpoint is at least `ageMs` old, one after the other. */
  async checkpointDue(ageMs: number = REPLY_BOUNDS.checkpointInterval.limit): Promise<void> {
    if (this.checking) return;
    this.checking = true;
    const due = performance.now() - ageMs;
    for (const reply of this.replies.values()) {
      if (reply.checkpointedAt <= due) await this.store(reply);
    }
    this.checking = false;
  }

  /** Never throws: a reply that cannot be stored now is due at the next check. */
  private async store(reply: WatchedReply): Promise<void> {
    const { writer, content } = reply;
    const { eventCount: events } = content;
    // Events that are appended from now on go into this batch or later ones; all earlier ones are in the content.
    const batch = this.journal.nextBatch;
    try {
      const changed = events > reply.events ? content : undefined;
      if (!(await this.openReplies.checkpoint(writer, batch, changed))) return;
      this.journal.advanceTo(writer.messageId, batch);
      reply.events = events;
      reply.checkpointedAt = performance.now();
    } catch (error) {
      this.logger.warn(
        { message_id: writer.messageId, err: error },
        'A reply could not be checkpointed; later',
      );
    }
  }
}
