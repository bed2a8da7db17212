import { Injectable } from '@nestjs/common';
import { InstanceService } from '../../instances/instance.service';
import { MessagesService } from '../../messages/messages.service';
import { ReplyContent } from '../../messages/reply-content';
import { ReplyCloser } from '../reply/reply-closer';
import { INTERRUPTED } from '../reply/reply-outcome';
import { RunningReplies } from '../reply/running-replies';

/** A reply that is stored runs within moments. */
const OLD_MS = 10_000;

/**
 * Replies that are this process's to write, and that it knows nothing of: the database stored the turn, but its answer was
 * lost on the way. Nobody has been shown anything of them.
 */
@Injectable()
export class AbandonedReplies {
  constructor(
    private readonly messages: MessagesService,
    private readonly instance: InstanceService,
    private readonly running: RunningReplies,
    private readonly closer: ReplyCloser,
  ) {}

  /** How many were closed, as interrupted. */
  async close(): Promise<number> {
    let closed = 0;
    for (const reply of await this.messages.openRepliesOf([this.instance.id])) {
      const isNew = Date.now() - reply.updated_at.getTime() < OLD_MS;
      if (isNew || this.running.has(reply.id) || this.closer.holds(reply.id)) continue;
      const outcome = { status: 'interrupted', finish_reason: null, error: INTERRUPTED } as const;
      const nothing = { usage: null, attempts: [], tokens: 0 };
      if (await this.messages.finishReply(reply.id, new ReplyContent(), { ...outcome, ...nothing })) closed++;
    }
    return closed;
  }
}
