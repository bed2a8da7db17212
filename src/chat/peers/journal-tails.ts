import { Injectable, type OnModuleInit } from '@nestjs/common';
import { InstanceService } from '../../instances/instance.service';
import { MessagesService, type MessageHeader } from '../../messages/messages.service';
import { OpenRepliesService } from '../../messages/open-replies.service';
import { JournalRepository } from '../journal/journal.repository';
import type { EventsListener } from '../reply/reply-log';
import { RunningReplies } from '../reply/running-replies';
import { JournalTail } from './journal-tail';
import { Poll } from './poll';

/** A reader elsewhere is this much behind, besides the time of a query. */
const LOOK_MS = 50;

/** Follows replies that other processes write. */
@Injectable()
export class JournalTails implements OnModuleInit {
  private readonly tails = new Map<string, JournalTail>();

  constructor(
    private readonly journal: JournalRepository,
    private readonly messages: MessagesService,
    private readonly openReplies: OpenRepliesService,
    private readonly running: RunningReplies,
    private readonly instance: InstanceService,
  ) {}

  onModuleInit(): void {
    this.running.closing.subscribe(() => this.tails.forEach((tail) => tail.end()));
  }

  /**
   * The events of a reply that is open elsewhere, live. It ends with the terminal event, or without one when this process ends,
   * or when the reply is not followed any further for another reason; then its message tells how it stands.
   */
  async read(
    reply: MessageHeader,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<void> {
    const open = await this.openReplies.find(reply.user_id, reply.id);
    // What this process writes it reads from memory, as soon as it has begun.
    if (!open || this.instance.is(open.instance_id)) return;
    const tail = this.tails.get(open.instance_id) ?? this.follow(open.instance_id);
    await tail.read(reply, after, listener, signal);
  }

  private follow(instanceId: string): JournalTail {
    const begin = () => void poll.begin().then(() => this.forget(instanceId, tail));
    const tail = new JournalTail(instanceId, this.journal, this.messages, this.openReplies, begin);
    const poll = new Poll({
      name: 'replies of another process',
      everyMs: () => LOOK_MS,
      wanted: () => tail.wanted,
      look: () => tail.look(),
    });
    this.tails.set(instanceId, tail);
    return tail;
  }

  /** Nobody reads it any more; whoever is about to has it follow the journal again. */
  private forget(instanceId: string, tail: JournalTail): void {
    if (!tail.wanted && this.tails.get(instanceId) === tail) this.tails.delete(instanceId);
  }
}
