import { Injectable } from '@nestjs/common';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { isNotFound } from '../../errors/app-error';
import { isOpen } from '../../messages/message.types';
import { MessagesService, type MessageHeader } from '../../messages/messages.service';
import { QueuedReplyWatcher } from './queued-reply-watcher';
import {
  errorEvent,
  lastSequence,
  logged,
  startEvent,
  StoredLogCursor,
  type LoggedEvent,
} from '../events/event-codec';
import { ReplyLog, type EventsListener } from '../log/reply-log';
import { DELETED } from '../events/reply-outcome';
import { ActiveReplies } from '../produce/active-replies';
import { StoredReplies, type ReplyRef } from './stored-replies';

/** Between two looks at a reply of this process that is stored but not begun, or that its journal says nothing new of. */
const LOOK_MS = 20;
/** The place of a reader that wants no event, but to know when a reply is over. */
export const AFTER_LAST = Number.MAX_SAFE_INTEGER;

/** Reads a reply from wherever its events are: the log while it is open, here or elsewhere, and its message once it is closed. */
@Injectable()
export class ReplyReader {
  private readonly stored = new StoredReplies((reply) =>
    this.messages.get(reply.user_id, reply.id).catch(asAbsent),
  );
  private replays = Promise.resolve();

  constructor(
    private readonly log: ReplyLog,
    private readonly messages: MessagesService,
    private readonly running: ActiveReplies,
    private readonly queue: QueuedReplyWatcher,
  ) {}

  /**
   * Hands on the reply's events after a sequence, live while it is open. It settles without a terminal event if this process ends
   * before the reply.
   */
  async read(
    reply: ReplyRef | MessageHeader,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<void> {
    const place = new ReadCursor(after, listener);
    const here = this.log.read(reply.id, after, place.accept, signal);
    await here;
    if (place.atEnd || signal.aborted) return;
    // A log that ends without a terminal event is of a reply that is not written here any more.
    const { id, user_id } = reply;
    await this.follow(here ? { id, user_id } : reply, place, signal);
  }

  /** Whether nothing follows this sequence: the reader has the terminal event. */
  async hasAll(reply: MessageHeader, after: number): Promise<boolean> {
    const stored = isOpen(reply) ? undefined : await this.stored.get(reply);
    return stored !== undefined && after >= lastSequence(stored);
  }

  /** Until it is closed: as long as it waits, wherever it runs. */
  private async follow(
    reply: ReplyRef | MessageHeader,
    place: ReadCursor,
    signal: AbortSignal,
  ): Promise<void> {
    let message = 'status' in reply ? reply : await this.find(reply);
    while (!signal.aborted) {
      const open: MessageHeader | undefined = message && isOpen(message) ? message : undefined;
      if (open) await this.open(open, place, signal);
      else if (message) await this.closed(reply, place, signal);
      else await place.accept([deletedEvent(reply, place.sequence)]);
      if (place.atEnd || !open || this.running.closed) return;
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
      message = await this.find(reply);
    }
  }

  private async open(
    reply: MessageHeader,
    { sequence, accept }: ReadCursor,
    signal: AbortSignal,
  ): Promise<void> {
    const here = this.log.read(reply.id, sequence, accept, signal);
    if (here) return here;
    // The journal has it only with the first of what follows.
    if (sequence === 0 && reply.status === 'streaming')
      return accept([logged(reply.id, 1, startEvent(reply))]);
    if (reply.status === 'queued') return this.queue.untilStarted(reply.id, signal);
    return this.log.follow(reply, sequence, accept, signal);
  }

  /** A batch at a time: a reader that takes nothing holds one, and nothing of the reply besides. */
  private async closed(reply: ReplyRef, place: ReadCursor, signal: AbortSignal): Promise<void> {
    if (place.sequence === AFTER_LAST) return;
    const cursor = new StoredLogCursor(place.sequence);
    while (!signal.aborted) {
      const batch = await this.nextStored(reply, cursor, place.sequence);
      if (!batch.length) return;
      await place.accept(batch);
      if (!place.atEnd) await this.replayTurn();
    }
  }

  private async nextStored(
    reply: ReplyRef,
    cursor: StoredLogCursor,
    sequence: number,
  ): Promise<LoggedEvent[]> {
    const stored = await this.stored.get(reply);
    return stored ? cursor.next(stored) : [deletedEvent(reply, sequence)];
  }

  /** However many logs are being replayed, one batch is made per turn of the event loop, so that everybody else has theirs. */
  private replayTurn(): Promise<void> {
    return (this.replays = this.replays.then(() => nextTurn()));
  }

  private find({ user_id, id }: ReplyRef): Promise<MessageHeader | undefined> {
    return this.messages.header(user_id, id).catch(asAbsent);
  }
}

function deletedEvent({ id }: ReplyRef, after: number): LoggedEvent {
  return logged(id, after + 1, errorEvent(DELETED));
}

function asAbsent(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

/** How far a reader has come. */
class ReadCursor {
  /** Its last event was the terminal one. */
  atEnd = false;

  constructor(
    public sequence: number,
    private readonly listener: EventsListener,
  ) {}

  /** A property, so that it can be handed out as a listener. */
  readonly accept: EventsListener = (batch) => {
    this.sequence += batch.length;
    this.atEnd = batch[batch.length - 1].terminal;
    return this.listener(batch);
  };
}
