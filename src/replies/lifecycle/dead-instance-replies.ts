import { Injectable, Logger } from '@nestjs/common';
import { DatabaseState } from '../../database/database-state';
import { InstanceService } from '../../instances/instance.service';
import { OpenRepliesService } from '../../messages/open-replies.service';
import { ReplyLog, type RecoveredReply } from '../log/reply-log';
import { ReplyFinalizer } from '../produce/reply-finalizer';

/** Time in which the process that took over from a dead one closes its replies; after that any other process does. */
const ORPHANED_AFTER_MS = 10_000;
/** Replies that are closed at the same time: the database stores one while the tokens of the next are counted. */
const AT_ONCE = 3;

/**
 * Closes the replies of dead processes as interrupted, with all that was shown of them. Each reply is a transaction of its own, and one that
 * fails keeps no other open. Two processes that do this at once do no harm. Called by `Sweeper`.
 */
@Injectable()
export class DeadInstanceReplies {
  private readonly logger = new Logger(DeadInstanceReplies.name);
  /** Time when each dead process with open replies was first seen, by instance id (`performance.now()`). */
  private orphanedSince = new Map<string, number>();

  constructor(
    private readonly instances: InstanceService,
    private readonly openReplies: OpenRepliesService,
    private readonly log: ReplyLog,
    private readonly finalizer: ReplyFinalizer,
    private readonly database: DatabaseState,
  ) {}

  /** Closes the replies of all dead processes; returns their number. */
  async close(): Promise<number> {
    let closed = 0;
    for (const id of await this.instances.expired())
      closed += await this.attempt(id, async () =>
        (await this.instances.takeOver(id)) ? this.closeOf(id) : 0,
      );
    for (const id of await this.orphaned()) closed += await this.attempt(id, () => this.closeOf(id));
    return closed;
  }

  /** Ids of dead processes that another one took over from, but did not finish. */
  private async orphaned(): Promise<string[]> {
    const now = performance.now();
    const ids = await this.openReplies.orphanedInstances();
    this.orphanedSince = new Map(ids.map((id) => [id, this.orphanedSince.get(id) ?? now]));
    const afterMs = this.database.exclusive ? 0 : ORPHANED_AFTER_MS;
    return ids.filter((id) => now - (this.orphanedSince.get(id) ?? now) >= afterMs);
  }

  private async closeOf(instanceId: string): Promise<number> {
    const recovered = this.log.recover(instanceId);
    let closed = 0;
    const closeSome = async () => {
      for await (const reply of recovered) {
        const count = await this.attempt(instanceId, () => this.closeReply(reply));
        closed += count;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, closeSome));
    return closed;
  }

  private async closeReply(reply: RecoveredReply): Promise<number> {
    return (await this.finalizer.finalizeRecovered(reply)) ? 1 : 0;
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
