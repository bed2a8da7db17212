import { Injectable } from '@nestjs/common';
import { AppConfig } from '../../config/app-config';
import { REPLY_BOUNDS } from '../../config/bounds';
import { InstanceService } from '../../instances/instance.service';
import { OpenRepliesService } from '../../messages/open-replies.service';
import { ReplyContent } from '../../messages/content/reply-content';
import { ReplyFinalizer } from '../produce/reply-finalizer';
import { ActiveReplies } from '../produce/active-replies';

/** Margin in addition to the timeouts of the turn's last two statements, one of them the COMMIT. */
const MARGIN_MS = 2_000;

/**
 * Closes replies that are assigned to this process but unknown to it: the database stored the turn, but its response was lost.
 * No reader has been shown any of their events. Replies of other processes that are gone: `DeadInstanceReplies`. Called by `Sweeper`.
 */
@Injectable()
export class OrphanedReplies {
  /** Minimum age of such a reply: by then the request that stored it has started it or given up. */
  private readonly minAgeMs: number;
  /** Time when each such reply was first seen, by message id (`performance.now()`). While the database is away none is seen. */
  private seenSince = new Map<string, number>();

  constructor(
    private readonly openReplies: OpenRepliesService,
    private readonly instance: InstanceService,
    private readonly active: ActiveReplies,
    private readonly finalizer: ReplyFinalizer,
    { database }: AppConfig,
  ) {
    this.minAgeMs = 2 * database.statementTimeoutMs + MARGIN_MS;
  }

  /** Closes such replies as interrupted; returns their number. */
  async close(): Promise<number> {
    const seenMs: number = REPLY_BOUNDS.orphanSeenMs.limit;
    const now = performance.now();
    const cutoff = new Date(Date.now() - this.minAgeMs + seenMs);
    const started = await this.openReplies.startedBefore(this.instance.id, cutoff);
    const orphans = started.filter(
      (reply) => !this.active.has(reply) && !this.finalizer.isSaving(reply.messageId),
    );
    this.seenSince = new Map(
      orphans.map(({ messageId }) => [messageId, this.seenSince.get(messageId) ?? now]),
    );
    let closed = 0;
    for (const reply of orphans) {
      const isDue = now - (this.seenSince.get(reply.messageId) ?? now) >= seenMs && !this.active.has(reply);
      if (isDue && (await this.finalizer.finalizeRecovered({ reply, content: new ReplyContent() }))) closed++;
    }
    return closed;
  }
}
