import { Injectable, type OnModuleInit } from '@nestjs/common';
import { InstanceService } from '../../instances/instance.service';
import { MessagesService, type MessageHeader } from '../../messages/messages.service';
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
    const { instance_id: id } = reply;
    // What this process writes it reads from memory, as soon as it has begun.
    if (!id || this.instance.is(id)) return;
    await (this.tails.get(id) ?? this.follow(id)).read(reply, after, listener, signal);
  }

  private follow(instanceId: string): JournalTail {
    const tail = new JournalTail(instanceId, this.journal, this.messages);
    this.tails.set(instanceId, tail);
    const poll = new Poll({
      name: 'replies of another process',
      everyMs: () => LOOK_MS,
      wanted: () => tail.wanted,
      look: () => tail.look(),
    });
    // Not at once: its first reader is about to come.
    queueMicrotask(() => void poll.begin().then(() => this.forget(instanceId, tail)));
    return tail;
  }

  private forget(instanceId: string, tail: JournalTail): void {
    tail.end();
    this.tails.delete(instanceId);
  }
}
