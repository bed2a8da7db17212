import { Injectable } from '@nestjs/common';
import { InstanceService } from '../../../instances/instance.service';
import type { ReplyRef } from '../../../messages/message.types';
import { MessagesService } from '../../../messages/messages.service';
import { OpenRepliesService } from '../../../messages/open-replies.service';
import { JournalRepository } from './journal.repository';
import { Signals } from '../../../signals/signals';
import type { EventsListener, ReadEnd } from '../reply-log';
import { JournalFollower } from './journal-follower';
import { Poller } from '../../../common/poller';

/** Poll interval: the delay of a reader in another process, besides the time of a query. */
const POLL_INTERVAL_MS = 50;

/** Follows replies that other processes write, with one `JournalFollower` per process. Called by `JournalReplyLog`. */
@Injectable()
export class JournalFollowers {
  private readonly followers = new Map<string, JournalFollower>();
  private closed = false;

  constructor(
    private readonly journal: JournalRepository,
    private readonly messages: MessagesService,
    private readonly openReplies: OpenRepliesService,
    private readonly instance: InstanceService,
    private readonly signals: Signals,
  ) {}

  /** Readers get the events that are there, then their `read` settles; so does every later one. */
  close(): void {
    this.closed = true;
    this.followers.forEach((follower) => follower.stop());
  }

  /**
   * Delivers the events of a reply that is open in another process, live. Settles with `see-message` if there is no such reply, when this process
   * ends, or when the reply cannot be followed any further for another reason.
   */
  async read(
    reply: ReplyRef,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<ReadEnd> {
    const open = await this.openReplies.find(reply);
    // Replies that this process writes are read from memory, as soon as they have started.
    if (this.closed || !open || this.instance.is(open.instanceId)) return 'see-message';
    const follower = this.followers.get(open.instanceId) ?? this.followerOf(open.instanceId);
    return follower.read(reply, after, listener, signal);
  }

  private followerOf(instanceId: string): JournalFollower {
    const start = () => void poll.start().then(() => this.forget(instanceId, follower));
    const sources = { journal: this.journal, messages: this.messages, openReplies: this.openReplies };
    const follower = new JournalFollower(instanceId, sources, this.signals, start);
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
