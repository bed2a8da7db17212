import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { isNotFound } from '../../errors/app-error';
import { isOpen } from '../../messages/message.types';
import { MessagesService, type Message } from '../../messages/messages.service';
import { JournalTails } from '../peers/journal-tails';
import { QueueWatch } from '../queue/queue-watch';
import { ContinuedReading } from './continued-reading';
import { errorEvent, logged, startEvent, storedEvents, type LoggedEvent } from './reply-event';
import { nothing, ReplyLog, type EventBatches } from './reply-log';
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

  /** The reply's events after a sequence, live while it is open. Without a terminal event if this process ends before the reply. */
  read(reply: ReplyRef | Message, after: number, signal: AbortSignal): EventBatches {
    const here = this.log.read(reply.id, after, signal);
    if (!here) return this.follow(reply, after, signal);
    // A log that ends without a terminal event is of a reply that is not written here any more.
    const { id, user_id } = reply;
    return new ContinuedReading(here, after, (place) => this.follow({ id, user_id }, place, signal));
  }

  /** Whether nothing follows this sequence: the reader has the terminal event. */
  hasAll(reply: Message, after: number): boolean {
    return !isOpen(reply) && storedEvents(reply, after).length === 0;
  }

  /** Until it is closed: as long as it waits, wherever it runs. */
  private async *follow(reply: ReplyRef | Message, after: number, signal: AbortSignal): EventBatches {
    let message = 'status' in reply ? reply : await this.find(reply);
    for (let place = after; !signal.aborted;) {
      const open: Message | undefined = message && isOpen(message) ? message : undefined;
      const batches = open ? this.open(open, place, signal) : this.closed(reply, message, place);
      for await (const batch of batches) {
        place += batch.length;
        yield batch;
        if (batch.at(-1)?.terminal) return;
      }
      if (!open || this.running.closed) return;
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
      message = await this.find(reply);
    }
  }

  private open(reply: Message, after: number, signal: AbortSignal): EventBatches {
    const here = this.log.read(reply.id, after, signal);
    if (here) return here;
    // The journal has it only with the first of what follows.
    if (after === 0 && reply.status === 'streaming') return one(logged(reply.id, 1, startEvent(reply)));
    return reply.status === 'queued' ? this.waiting(reply, signal) : this.peers.read(reply, after, signal);
  }

  private async *waiting(reply: Message, signal: AbortSignal): EventBatches {
    await this.queue.until(reply.id, signal);
    yield* nothing(signal);
  }

  private async *closed(reply: ReplyRef, message: Message | undefined, after: number): EventBatches {
    if (message) yield* inBatches(storedEvents(message, after));
    else yield [logged(reply.id, after + 1, errorEvent(DELETED))];
  }

  private find({ user_id, id }: ReplyRef): Promise<Message | undefined> {
    return this.messages.get(user_id, id).catch(asAbsent);
  }
}

function asAbsent(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

async function* one(event: LoggedEvent): EventBatches {
  yield [event];
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
