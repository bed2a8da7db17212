import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { isNotFound } from '../../errors/app-error';
import { isOpen } from '../../messages/message.types';
import { MessagesService, type Message } from '../../messages/messages.service';
import { JournalTails } from '../peers/journal-tails';
import { QueueWatch } from '../queue/queue-watch';
import { errorEvent, logged, startEvent, storedEvents, type LoggedEvent } from './reply-event';
import { ReplyLog, type EventsListener } from './reply-log';
import { DELETED } from './reply-outcome';
import { RunningReplies } from './running-replies';

/** Between two looks at a reply of this process that is stored but not begun, or that its journal says nothing new of. */
const LOOK_MS = 20;
/** Characters that are handed to a reader at a time, roughly. */
const BATCH_LENGTH = 128 * 1024;

/** A reply of a user, wherever it is. */
export type ReplyRef = Pick<Message, 'id' | 'user_id'>;

/** Reads a reply from wherever its events are: the log while it is open, here or elsewhere, and its message once it is closed. */
@Injectable()
export class ReplyReader {
  constructor(
    private readonly log: ReplyLog,
    private readonly messages: MessagesService,
    private readonly running: RunningReplies,
    private readonly peers: JournalTails,
    private readonly queue: QueueWatch,
  ) {}

  /**
   * Hands on the reply's events after a sequence, live while it is open. It settles without a terminal event if this process ends
   * before the reply.
   */
  async read(
    reply: ReplyRef | Message,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<void> {
    const place = new ReadingPlace(after, listener);
    const here = this.log.read(reply.id, after, place.take, signal);
    await here;
    if (place.atEnd || signal.aborted) return;
    // A log that ends without a terminal event is of a reply that is not written here any more.
    const { id, user_id } = reply;
    await this.follow(here ? { id, user_id } : reply, place, signal);
  }

  /** Whether nothing follows this sequence: the reader has the terminal event. */
  hasAll(reply: Message, after: number): boolean {
    return !isOpen(reply) && storedEvents(reply, after).length === 0;
  }

  /** Until it is closed: as long as it waits, wherever it runs. */
  private async follow(reply: ReplyRef | Message, place: ReadingPlace, signal: AbortSignal): Promise<void> {
    let message = 'status' in reply ? reply : await this.find(reply);
    while (!signal.aborted) {
      const open: Message | undefined = message && isOpen(message) ? message : undefined;
      await (open ? this.open(open, place, signal) : this.closed(reply, message, place, signal));
      if (place.atEnd || !open || this.running.closed) return;
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
      message = await this.lookAgain(open);
    }
  }

  /** As long as it is open only its state is read: what it holds comes from its log. */
  private async lookAgain(reply: Message): Promise<Message | undefined> {
    const state = await this.messages.stateOf(reply.user_id, reply.id);
    return state && isOpen(state) ? { ...reply, ...state } : this.find(reply);
  }

  private async open(reply: Message, { sequence, take }: ReadingPlace, signal: AbortSignal): Promise<void> {
    const here = this.log.read(reply.id, sequence, take, signal);
    if (here) return here;
    // The journal has it only with the first of what follows.
    if (sequence === 0 && reply.status === 'streaming') return take([logged(reply.id, 1, startEvent(reply))]);
    if (reply.status === 'queued') return this.queue.until(reply.id, signal);
    return this.peers.read(reply, sequence, take, signal);
  }

  private async closed(
    reply: ReplyRef,
    message: Message | undefined,
    { sequence, take }: ReadingPlace,
    signal: AbortSignal,
  ): Promise<void> {
    const rest = message
      ? storedEvents(message, sequence)
      : [logged(reply.id, sequence + 1, errorEvent(DELETED))];
    for (const batch of inBatches(rest)) {
      if (signal.aborted) return;
      await take(batch);
    }
  }

  private find({ user_id, id }: ReplyRef): Promise<Message | undefined> {
    return this.messages.get(user_id, id).catch(asAbsent);
  }
}

function asAbsent(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

/** How far a reader has come. */
class ReadingPlace {
  /** Its last event was the terminal one. */
  atEnd = false;

  constructor(
    public sequence: number,
    private readonly listener: EventsListener,
  ) {}

  /** A property, so that it can be handed out as a listener. */
  readonly take: EventsListener = (batch) => {
    this.sequence += batch.length;
    this.atEnd = batch[batch.length - 1].terminal;
    return this.listener(batch);
  };
}

/** So that a reader is never given more than it can take in one go. */
function* inBatches(events: LoggedEvent[]): Generator<LoggedEvent[]> {
  let batch: LoggedEvent[] = [];
  let length = 0;
  for (const event of events) {
    batch.push(event);
    length += event.json.length + event.messageId.length;
    if (length < BATCH_LENGTH) continue;
    yield batch;
    [batch, length] = [[], 0];
  }
  if (batch.length) yield batch;
}
