import { Injectable } from '@nestjs/common';
import { InstanceService } from '../../../instances/instance.service';
import { MessagesService, type MessageHeader } from '../../../messages/messages.service';
import { OpenRepliesService } from '../../../messages/open-replies.service';
import { JournalRepository } from './journal.repository';
import type { EventsListener } from '../reply-log';
import { JournalFollower } from './journal-follower';
import { Poller } from '../../../common/poller';

/** A reader elsewhere is this much behind, besides the time of a query. */
const LOOK_MS = 50;

/** Follows replies that other processes write. */
@Injectable()
export class JournalFollowers {
  private readonly followers = new Map<string, JournalFollower>();

  constructor(
    private readonly journal: JournalRepository,
    private readonly messages: MessagesService,
    private readonly openReplies: OpenRepliesService,
    private readonly instance: InstanceService,
  ) {}

  /** Readers get what is there, and then leave. */
  stop(): void {
    this.followers.forEach((follower) => follower.stop());
  }

  /**
   * The events of a reply that is open elsewhere, live. It ends with the terminal event, or without one when this process ends,
   * or when the reply is not followed any further for another reason; then its message tells how it stands.
   */
  async follow(
    reply: MessageHeader,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<void> {
    const open = await this.openReplies.find(reply.user_id, reply.id);
    // What this process writes it reads from memory, as soon as it has begun.
    if (!open || this.instance.is(open.instance_id)) return;
    const follower = this.followers.get(open.instance_id) ?? this.followerOf(open.instance_id);
    await follower.follow(reply, after, listener, signal);
  }

  private followerOf(instanceId: string): JournalFollower {
    const start = () => void poll.start().then(() => this.forget(instanceId, follower));
    const follower = new JournalFollower(instanceId, this.journal, this.messages, this.openReplies, start);
    const poll = new Poller({
      name: 'replies of another process',
      everyMs: () => LOOK_MS,
      isNeeded: () => follower.isNeeded,
      poll: () => follower.poll(),
    });
    this.followers.set(instanceId, follower);
    return follower;
  }

  /** Nobody reads it any more; whoever is about to has it follow the journal again. */
  private forget(instanceId: string, follower: JournalFollower): void {
    if (!follower.isNeeded && this.followers.get(instanceId) === follower) this.followers.delete(instanceId);
  }
}
