import { Injectable, Logger } from '@nestjs/common';
import { REPLY_BOUNDS } from '../../../config/bounds';
import { isRefused } from '../../../database/database-error';
import { DatabaseState } from '../../../database/database-state';
import { InstanceService } from '../../../instances/instance.service';
import { MessagesService } from '../../../messages/messages.service';
import { OpenRepliesService } from '../../../messages/open-replies.service';
import { ReplyContent, textOf, type StorableContent } from '../../../messages/reply-content';
import { JournalRepository, type JournalBatch } from './journal.repository';
import { PayloadReader } from './payload-reader';
import { interrupted } from '../../events/reply-outcome';
import { countTokensInSlices } from '../../../llm/tokens/sliced-token-count';
import { storableForms } from '../../events/storable-content';
import { RecoveredReply } from './recovered-reply';

/** Time in which the process that took over from a dead one closes its replies; after that any other process does. */
const ORPHANED_AFTER_MS = 10_000;

const CLOSE_CONCURRENCY = 3;

type Replies = Map<string, RecoveredReply>;

/**
 * Closes the replies of dead processes, with every character that any reader was shown. Bounded whatever they left behind: the journal
 * is read once, in pages, from the first batch that an open reply needs; each reply is a small transaction of its own, and one that
 * fails keeps no other open. Two recoveries at once do no harm. Called by `JournalReplyLog`.
 */
@Injectable()
export class Recovery {
  private readonly logger = new Logger(Recovery.name);
  /** Time when each dead process with open replies was first seen, by instance id (`performance.now()`). */
  private orphanedSince = new Map<string, number>();

  constructor(
    private readonly instances: InstanceService,
    private readonly journal: JournalRepository,
    private readonly messages: MessagesService,
    private readonly openReplies: OpenRepliesService,
    private readonly database: DatabaseState,
  ) {}

  /** Closes the replies of all dead processes; returns how many. */
  async run(): Promise<number> {
    let closed = 0;
    for (const id of await this.instances.expired())
      closed += await this.attempt(id, () => this.takeOver(id));
    for (const id of await this.orphaned()) closed += await this.attempt(id, () => this.recover(id));
    return closed;
  }

  /** Deletes the journals of dead processes whose replies are all closed. */
  async tidy(): Promise<void> {
    for (const id of await this.journal.unneeded()) await this.journal.drop(id);
  }

  private async takeOver(id: string): Promise<number> {
    return (await this.instances.takeOver(id)) ? this.recover(id) : 0;
  }

  /** Ids of dead processes that another one took over from, but did not finish. */
  private async orphaned(): Promise<string[]> {
    const now = performance.now();
    const ids = await this.openReplies.orphanedInstances();
    this.orphanedSince = new Map(ids.map((id) => [id, this.orphanedSince.get(id) ?? now]));
    const afterMs = this.database.exclusive ? 0 : ORPHANED_AFTER_MS;
    return ids.filter((id) => now - (this.orphanedSince.get(id) ?? now) >= afterMs);
  }

  private async recover(instanceId: string): Promise<number> {
    const replies: Replies = new Map();
    let after = Infinity;
    for await (const reply of this.openReplies.ofInstance(instanceId)) {
      replies.set(reply.message_id, new RecoveredReply(reply));
      after = Math.min(after, reply.first_batch - 1);
    }
    if (!replies.size) return 0;
    await this.readInto(replies, instanceId, after);
    // Concurrently: the database stores one reply while the tokens of the next are counted.
    let closed = 0;
    const waiting = replies.values();
    const closeSome = async () => {
      for (const reply of waiting) {
        const count = await this.attempt(instanceId, () => this.close(reply));
        closed += count;
      }
    };
    await Promise.all(Array.from({ length: CLOSE_CONCURRENCY }, closeSome));
    return closed;
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
        // A batch that cannot be read is treated as one that was not stored.
        this.logger.error({ err, instance_id: instanceId, batch }, 'A batch of the journal cannot be read');
      }
    }
  }

  /**
   * Moves text beyond the `recoveredText` bound into the rows of its replies, largest first. The rows are those of a dead process, so
   * nobody else writes them.
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
      const kept = await this.attempt(reply.instance_id, async () => {
        const content = await this.contentOf(recovered);
        if (content) await this.openReplies.keepRecovered(reply, batch, content);
        return 1;
      });
      // What it held is nowhere now but in the journal: the next recovery reads it again.
      if (!kept) replies.delete(reply.message_id);
    }
  }

  private async close(recovered: RecoveredReply): Promise<number> {
    const { reply } = recovered;
    const content = await this.contentOf(recovered);
    if (!content) return 0;
    for (const form of formsOf(content)) {
      try {
        const outcome = interrupted(await countTokensInSlices(textOf(form.parts)));
        return (await this.messages.finishReply(reply, form, outcome)) ? 1 : 0;
      } catch (error) {
        // The database rejects the text itself: a shorter one is better than a conversation that is blocked for ever.
        if (!isRefused(error)) throw error;
      }
    }
    return 0;
  }

  /** Content of the row with the held events appended; undefined if another process has closed the reply. */
  private async contentOf(recovered: RecoveredReply) {
    const { user_id, message_id } = recovered.reply;
    const stored = await this.openReplies.checkpointOf(user_id, message_id);
    return stored && recovered.moveTo(stored.content);
  }

  private async attempt(instanceId: string, work: () => Promise<number>): Promise<number> {
    try {
      return await work();
    } catch (err) {
      this.logger.error(
        { err, instance_id: instanceId },
        'A reply of a process that is gone could not be closed; later',
      );
      return 0;
    }
  }
}

/** The content as it is, then the shorter forms that can be stored. */
function* formsOf(content: StorableContent): Generator<StorableContent> {
  yield content;
  yield* storableForms(ReplyContent.of(content.parts, content.eventLengths));
}
