import { Injectable } from '@nestjs/common';
import { InstanceService } from '../../../instances/instance.service';
import { MessagesService, type MessageHeader } from '../../../messages/messages.service';
import { OpenRepliesService } from '../../../messages/open-replies.service';
import { JournalRepository } from './journal.repository';
import type { EventsListener } from '../reply-log';
import { JournalFollower } from './journal-follower';
import { Poller } from '../../../common/poller';

/** Poll interval: the delay of a reader in another process, besides the time of a query. */
const POLL_INTERVAL_MS = 50;

/** Follows replies that other processes write, with one `JournalFollower` per process. Called by `JournalReplyLog`. */
@Injectable()
export class JournalFollowers {
  private readonly followers = new Map<string, JournalFollower>();

  constructor(
    private readonly journal: JournalRepository,
    private readonly messages: MessagesService,
    private readonly openReplies: OpenRepliesService,
    private readonly instance: InstanceService,
  ) {}

  /** Stops all followers: readers get the events that are there, then their subscription settles. */
  stop(): void {
    this.followers.forEach((follower) => follower.stop());
  }

  /**
   * Delivers the events of a reply that is open in another process, live. Settles after the terminal event, or without one when this
   * process ends or the reply is not followed any further for another reason; then its message holds its state.
   */
  async follow(
    reply: MessageHeader,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<void> {
    const open = await this.openReplies.find(reply.user_id, reply.id);
    // Replies that this process writes are read from memory, as soon as they have started.
    if (!open || this.instance.is(open.instance_id)) return;
    const follower = this.followers.get(open.instance_id) ?? this.followerOf(open.instance_id);
    await follower.follow(reply, after, listener, signal);
  }

  private followerOf(instanceId: string): JournalFollower {
    const start = () => void poll.start().then(() => this.forget(instanceId, follower));
    const follower = new JournalFollower(instanceId, this.journal, this.messages, this.openReplies, start);
    const poll = new Poller({
      name: 'replies of another process',
      everyMs: () => POLL_INTERVAL_MS,
      isNeeded: () => follower.isNeeded,
      poll: () => follower.poll(),
    });
    this.followers.set(instanceId, follower);
    return follower;
  }

  /** Removes a follower without readers, unless another reader has joined meanwhile and has it poll again. */
  private forget(instanceId: string, follower: JournalFollower): void {
    if (!follower.isNeeded && this.followers.get(instanceId) === follower) this.followers.delete(instanceId);
  }
}
