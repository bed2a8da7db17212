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
  queuedNotice,
  startEvent,
  StoredLogCursor,
  type LoggedEvent,
} from '../events/event-codec';
import { ReplyLog, type EventsListener } from '../log/reply-log';
import { DELETED } from '../events/reply-outcome';
import { ActiveReplies } from '../produce/active-replies';
import { StoredReplies, type ReplyRef } from './stored-replies';

/** Poll interval for a reply of this process that is stored but not started, or whose journal has nothing new. */
const POLL_INTERVAL_MS = 20;
/** Sequence past the last event: a reader that starts here gets no events, and its `read` settles when the reply is closed. */
export const AFTER_LAST = Number.MAX_SAFE_INTEGER;

/**
 * Reads a reply from wherever its events are: the log while it is open, in this or another process, and its message once it is closed.
 * Called by `RepliesService` and `ConversationFeed`.
 */
@Injectable()
export class ReplyReader {
  private readonly stored = new StoredReplies((reply) =>
    this.messages.get(reply.user_id, reply.id).catch(asAbsent),
  );
  private replays = Promise.resolve();

  constructor(
    private readonly log: ReplyLog,
    private readonly messages: MessagesService,
    private readonly active: ActiveReplies,
    private readonly queue: QueuedReplyWatcher,
  ) {}

  /**
   * Delivers the reply's events after a sequence, live while it is open. Settles without a terminal event if this process ends before
   * the reply.
   */
  async read(
    reply: ReplyRef | MessageHeader,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<void> {
    const cursor = new ReadCursor(after, listener);
    const here = this.log.read(reply.id, after, cursor.accept, signal);
    await here;
    if (cursor.atEnd || signal.aborted) return;
    // A log that ends without a terminal event belongs to a reply that this process no longer writes.
    const { id, user_id } = reply;
    await this.follow(here ? { id, user_id } : reply, cursor, signal);
  }

  /** Whether nothing follows this sequence: the reader has the terminal event. */
  async hasAll(reply: MessageHeader, after: number): Promise<boolean> {
    const stored = isOpen(reply) ? undefined : await this.stored.get(reply);
    return stored !== undefined && after >= lastSequence(stored);
  }

  /** Reads until the reply is closed, while it is queued and in whichever process it is written. */
  private async follow(
    reply: ReplyRef | MessageHeader,
    cursor: ReadCursor,
    signal: AbortSignal,
  ): Promise<void> {
    let message = 'status' in reply ? reply : await this.find(reply);
    while (!signal.aborted) {
      const open: MessageHeader | undefined = message && isOpen(message) ? message : undefined;
      if (open) await this.readOpen(open, cursor, signal);
      else if (message) await this.replay(reply, cursor, signal);
      else await cursor.accept([deletedEvent(reply, cursor.sequence)]);
      if (cursor.atEnd || !open || this.active.closed) return;
      await sleep(POLL_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
      message = await this.find(reply);
    }
  }

  private async readOpen(reply: MessageHeader, cursor: ReadCursor, signal: AbortSignal): Promise<void> {
    const { sequence, accept } = cursor;
    const here = this.log.read(reply.id, sequence, accept, signal);
    if (here) return here;
    // The journal gets the `start` event only with the first one that follows.
    if (sequence === 0 && reply.status === 'streaming')
      return accept([logged(reply.id, 1, startEvent(reply))]);
    if (reply.status === 'queued') return this.waitForTurn(reply, cursor, signal);
    return this.log.follow(reply, sequence, accept, signal);
  }

  /** Tells the reader the reply's place while it waits for a slot of its model, as fast as the reader takes it. */
  private async waitForTurn(
    reply: MessageHeader,
    { listener }: ReadCursor,
    signal: AbortSignal,
  ): Promise<void> {
    for (let place: number | undefined = 0; ;) {
      place = await this.queue.untilChanged(reply, place, signal);
      if (place === undefined) return;
      await listener([queuedNotice(reply.id, place)]);
    }
  }

  /** Replays one batch at a time: a reader that does not drain holds one batch, and nothing else of the reply. */
  private async replay(reply: ReplyRef, cursor: ReadCursor, signal: AbortSignal): Promise<void> {
    if (cursor.sequence === AFTER_LAST) return;
    const storedLog = new StoredLogCursor(cursor.sequence);
    while (!signal.aborted) {
      const batch = await this.nextStored(reply, storedLog, cursor.sequence);
      if (!batch.length) return;
      await cursor.accept(batch);
      if (!cursor.atEnd) await this.replayTurn();
    }
  }

  private async nextStored(
    reply: ReplyRef,
    storedLog: StoredLogCursor,
    sequence: number,
  ): Promise<LoggedEvent[]> {
    const stored = await this.stored.get(reply);
    return stored ? storedLog.next(stored) : [deletedEvent(reply, sequence)];
  }

  /** One batch is created per turn of the event loop, however many logs are being replayed, so that other work is not delayed. */
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

/** Progress of a reader: the sequence of its last event. */
class ReadCursor {
  /** Whether its last event was the terminal one. */
  atEnd = false;

  constructor(
    public sequence: number,
    readonly listener: EventsListener,
  ) {}

  /** A property, so that it can be passed as a listener. */
  readonly accept: EventsListener = (batch) => {
    this.sequence += batch.length;
    this.atEnd = batch[batch.length - 1].terminal;
    return this.listener(batch);
  };
}
