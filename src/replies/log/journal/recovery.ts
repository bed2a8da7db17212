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
import { countTokensInSlices } from '../../events/sliced-token-count';
import { storableForms } from '../../events/storable-content';
import { RecoveredReply } from './recovered-reply';

/** Whoever took over from a process closes its replies; after so long somebody else does. */
const ORPHANED_MS = 10_000;

const CLOSED_AT_ONCE = 3;

type Replies = Map<string, RecoveredReply>;

/**
 * Closes the replies of processes that are gone, with every character that anybody was shown. Bounded whatever they left behind: the
 * journal is read once, in pages, from the first batch that an open reply needs; each reply is a small transaction of its own, and one that
 * fails keeps no other open. Two recoveries at once do no harm.
 */
@Injectable()
export class Recovery {
  private readonly logger = new Logger(Recovery.name);
  /** When processes were first seen that are gone and have left replies open (`performance.now()`). */
  private orphanedSince = new Map<string, number>();

  constructor(
    private readonly instances: InstanceService,
    private readonly journal: JournalRepository,
    private readonly messages: MessagesService,
    private readonly openReplies: OpenRepliesService,
    private readonly database: DatabaseState,
  ) {}

  /** How many replies were closed. */
  async run(): Promise<number> {
    let closed = 0;
    for (const id of await this.instances.expired())
      closed += await this.attempt(id, () => this.takeOver(id));
    for (const id of await this.orphaned()) closed += await this.attempt(id, () => this.recover(id));
    return closed;
  }

  /** Drops journals whose replies are all closed. */
  async tidy(): Promise<void> {
    for (const id of await this.journal.unneeded()) await this.journal.drop(id);
  }

  private async takeOver(id: string): Promise<number> {
    return (await this.instances.takeOver(id)) ? this.recover(id) : 0;
  }

  /** Processes that somebody took over from, and did not finish. */
  private async orphaned(): Promise<string[]> {
    const now = performance.now();
    const ids = await this.openReplies.orphanedInstances();
    this.orphanedSince = new Map(ids.map((id) => [id, this.orphanedSince.get(id) ?? now]));
    const afterMs = this.database.exclusive ? 0 : ORPHANED_MS;
    return ids.filter((id) => now - (this.orphanedSince.get(id) ?? now) >= afterMs);
  }

  private async recover(instanceId: string): Promise<number> {
    const replies: Replies = new Map();
    let after = Infinity;
    for await (const reply of this.openReplies.ofInstance(instanceId)) {
      replies.set(reply.message_id, new RecoveredReply(reply));
      after = Math.min(after, reply.first_batch - 1);
    }
    if (replies.size) await this.readInto(replies, instanceId, after);
    // The database stores one while the tokens of the next are counted.
    let closed = 0;
    const waiting = replies.values();
    const closeSome = async () => {
      for (const reply of waiting) {
        const count = await this.attempt(instanceId, () => this.close(reply));
        closed += count;
      }
    };
    await Promise.all(Array.from({ length: CLOSED_AT_ONCE }, closeSome));
    return closed;
  }

  /** Reads the journal after a batch. The database reads the next page while this one is worked off. */
  private async readInto(replies: Replies, instanceId: string, after: number): Promise<void> {
    let next = this.journal.read(instanceId, after);
    for (let page = await next; page.length; page = await next) {
      const last = page[page.length - 1].batch;
      next = this.journal.read(instanceId, last);
      // Whoever does not come to wait for it has failed otherwise.
      next.catch(() => undefined);
      this.take(instanceId, page, replies);
      await this.spill(replies, last + 1);
    }
  }

  private take(instanceId: string, page: JournalBatch[], replies: Replies): void {
    const sinkOf = (messageId: string, sequence: number) => {
      const reply = replies.get(messageId);
      return reply?.joins(sequence) ? reply : undefined;
    };
    for (const { batch, payload } of page) {
      try {
        new PayloadReader(payload).read(sinkOf);
      } catch (err) {
        // What cannot be read is what was not stored.
        this.logger.error({ err, instance_id: instanceId, batch }, 'A batch of the journal cannot be read');
      }
    }
  }

  /** What is more than may be held goes into the rows, largest first; the rows are those of a process that is gone, so nobody else writes them. */
  private async spill(replies: Replies, batch: number): Promise<void> {
    let held = 0;
    for (const { bytes } of replies.values()) held += bytes;
    if (held <= REPLY_BOUNDS.recoveredText.limit) return;
    const largest = [...replies.values()].sort((a, b) => b.bytes - a.bytes);
    for (const recovered of largest) {
      if (held <= REPLY_BOUNDS.recoveredText.limit / 2) return;
      held -= recovered.bytes;
      const { reply } = recovered;
      const content = await this.contentOf(recovered);
      if (content) await this.openReplies.keepRecovered(reply, batch, content);
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
        // The text itself is refused: less of it is better than a conversation that never goes on.
        if (!isRefused(error)) throw error;
      }
    }
    return 0;
  }

  /** Undefined if somebody else has closed it. */
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

/** As it is, then what of it can be stored. */
function* formsOf(content: StorableContent): Generator<StorableContent> {
  yield content;
  yield* storableForms(ReplyContent.of(content.parts, content.eventLengths));
}
