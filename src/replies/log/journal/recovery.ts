import { Injectable, Logger } from '@nestjs/common';
import { REPLY_BOUNDS } from '../../../config/bounds';
import { InstanceService } from '../../../instances/instance.service';
import { OpenRepliesService } from '../../../messages/open-replies.service';
import type { StorableContent } from '../../../messages/content/reply-content';
import type { RecoveredReply } from '../reply-log';
import { JournalRepository, type JournalBatch } from './journal.repository';
import { PayloadReader } from './payload-reader';
import { RecoveredEvents } from './recovered-events';

type Replies = Map<string, RecoveredEvents>;

/**
 * Recovers the open replies of a dead process from its journal: every character that any reader was shown. The work is bounded however much
 * the process left behind: the journal is read once, in pages, from the first batch that an open reply needs. Called by `JournalReplyLog`.
 */
@Injectable()
export class Recovery {
  private readonly logger = new Logger(Recovery.name);

  constructor(
    private readonly instances: InstanceService,
    private readonly journal: JournalRepository,
    private readonly openReplies: OpenRepliesService,
  ) {}

  async *recover(instanceId: string): AsyncGenerator<RecoveredReply> {
    // The fence is there exactly as long as the registration: without it nothing can be appended.
    if (await this.instances.isRegistered(instanceId)) return;
    const replies: Replies = new Map();
    let after = Infinity;
    for await (const reply of this.openReplies.ofInstance(instanceId)) {
      replies.set(reply.messageId, new RecoveredEvents(reply));
      after = Math.min(after, reply.firstBatch - 1);
    }
    if (!replies.size) return;
    await this.readInto(replies, instanceId, after);
    for (const recovered of replies.values()) {
      const { reply } = recovered;
      const content = await this.attempt(instanceId, () => this.contentOf(recovered));
      if (content) yield { reply, content };
    }
  }

  /** Reads the journal after batch `after`. The database reads the next page while this one is processed. */
  private async readInto(replies: Replies, instanceId: string, after: number): Promise<void> {
    let next = this.journal.read(instanceId, after);
    for (let page = await next; page.length; page = await next) {
      const last = page[page.length - 1].batch;
      next = this.journal.read(instanceId, last);
      // If it is never awaited, another failure has ended the loop.
      next.catch(() => undefined);
      this.applyPage(instanceId, page, replies);
      await this.spill(replies, last + 1);
    }
  }

  private applyPage(instanceId: string, page: JournalBatch[], replies: Replies): void {
    const sinkOf = (messageId: string, sequence: number) => {
      const reply = replies.get(messageId);
      return reply?.joins(sequence) ? reply : undefined;
    };
    for (const { batch, payload } of page) {
      try {
        new PayloadReader(payload).read(sinkOf);
      } catch (err) {
        // Events from the broken place on count as not stored.
        this.logger.error({ err, of_instance: instanceId, batch }, 'A batch of the journal cannot be read');
      }
    }
  }

  /**
   * Moves text beyond the `recoveredText` bound into the rows of its replies, largest first. The rows are those of a dead process, so
   * no other process writes them.
   */
  private async spill(replies: Replies, batch: number): Promise<void> {
    let heldBytes = 0;
    for (const { bytes } of replies.values()) heldBytes += bytes;
    if (heldBytes <= REPLY_BOUNDS.recoveredText.limit) return;
    const largest = [...replies.values()].sort((a, b) => b.bytes - a.bytes);
    for (const recovered of largest) {
      if (heldBytes <= REPLY_BOUNDS.recoveredText.limit / 2) return;
      heldBytes -= recovered.bytes;
      const { reply } = recovered;
      const kept = await this.attempt(reply.instanceId, async () => {
        const content = await this.contentOf(recovered);
        if (content) await this.openReplies.keepRecovered(reply, batch, content);
        return true;
      });
      // The held events are now only in the journal: the next recovery reads them again.
      if (!kept) replies.delete(reply.messageId);
    }
  }

  /** Content of the row with the held events appended; undefined if another process has closed the reply. */
  private async contentOf(recovered: RecoveredEvents): Promise<StorableContent | undefined> {
    const stored = await this.openReplies.checkpointOf(recovered.reply);
    return stored && recovered.moveTo(stored.content);
  }

  /** Result of the work; undefined if it fails, so that one reply that cannot be read or stored keeps no other open. */
  private async attempt<T>(instanceId: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (err) {
      this.logger.error(
        { err, of_instance: instanceId },
        'A reply of a process that is gone could not be recovered; later',
      );
      return undefined;
    }
  }
}
