import { Injectable } from '@nestjs/common';
import { AppConfig } from '../../config/app-config';
import { InstanceService } from '../../instances/instance.service';
import { OpenRepliesService } from '../../messages/open-replies.service';
import { ReplyFinalizer } from '../produce/reply-finalizer';
import { ActiveReplies } from '../produce/active-replies';

/** Besides the time that the answers to the turn's last two statements, one of them the COMMIT, may take. */
const SPARE_MS = 2_000;

/**
 * Replies that are this process's to write, and that it knows nothing of: the database stored the turn, but its answer was
 * lost on the way. Nobody has been shown anything of them.
 */
@Injectable()
export class OrphanedReplies {
  /** Whoever stored a reply of this age has begun it or given it up. */
  private readonly oldMs: number;

  constructor(
    private readonly openReplies: OpenRepliesService,
    private readonly instance: InstanceService,
    private readonly running: ActiveReplies,
    private readonly closer: ReplyFinalizer,
    { database }: AppConfig,
  ) {
    this.oldMs = 2 * database.statementTimeoutMs + SPARE_MS;
  }

  /** How many were closed, as interrupted. */
  async close(): Promise<number> {
    let closed = 0;
    const old = new Date(Date.now() - this.oldMs);
    for (const reply of await this.openReplies.begunBefore(this.instance.id, old)) {
      if (this.running.has(reply.message_id) || this.closer.isSaving(reply.message_id)) continue;
      if (await this.closer.finalizeUnknown(reply)) closed++;
    }
    return closed;
  }
}
