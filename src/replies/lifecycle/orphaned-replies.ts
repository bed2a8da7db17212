import { Injectable } from '@nestjs/common';
import { AppConfig } from '../../config/app-config';
import { InstanceService } from '../../instances/instance.service';
import { OpenRepliesService } from '../../messages/open-replies.service';
import { ReplyContent } from '../../messages/reply-content';
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

  constructor(
    private readonly openReplies: OpenRepliesService,
    private readonly instance: InstanceService,
    private readonly active: ActiveReplies,
    private readonly finalizer: ReplyFinalizer,
    { database }: AppConfig,
  ) {
    this.minAgeMs = 2 * database.statementTimeoutMs + MARGIN_MS;
  }

  /** Closes them as interrupted; returns how many. */
  async close(): Promise<number> {
    let closed = 0;
    const cutoff = new Date(Date.now() - this.minAgeMs);
    for (const reply of await this.openReplies.begunBefore(this.instance.id, cutoff)) {
      if (this.active.has(reply) || this.finalizer.isSaving(reply.messageId)) continue;
      if (await this.finalizer.finalizeRecovered({ reply, content: new ReplyContent() })) closed++;
    }
    return closed;
  }
}
