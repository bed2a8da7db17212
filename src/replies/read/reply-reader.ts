import { Injectable } from '@nestjs/common';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Observable } from 'rxjs';
import { isNotFound } from '../../errors/app-error';
import { isOpen, replyRef, type MessageStatus, type ReplyRef } from '../../messages/message.types';
import { MessagesService, type MessageHeader } from '../../messages/messages.service';
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
import { OpenReplyWatcher, type ReplyChanges } from './open-reply-watcher';
import { StoredReplies } from './stored-replies';

/** A reply that is to be read, with its status if that is known: a closed one stays closed, and is read from its message. */
export type ReplyToRead = ReplyRef & { status?: MessageStatus };

export function replyToRead(reply: MessageHeader): ReplyToRead {
  return { ...replyRef(reply), status: reply.status };
}

/** Sequence past the last event: a reader that starts here gets no events, and its `read` settles when the reply is closed. */
export const AFTER_LAST = Number.MAX_SAFE_INTEGER;

/**
 * Reads a reply from wherever its events are: the log while it is open, in this or another process, and its message once it is closed.
 * Called by `RepliesService` and `ConversationFeed`.
 */
@Injectable()
export class ReplyReader {
  private readonly stored = new StoredReplies((reply) =>
    this.messages.get(reply.userId, reply.messageId).catch(asAbsent),
  );
  private replays = Promise.resolve();

  constructor(
    private readonly log: ReplyLog,
    private readonly messages: MessagesService,
    private readonly active: ActiveReplies,
    private readonly watcher: OpenReplyWatcher,
  ) {}

  /** Whether the process is about to exit, so that nothing further is read. */
  get closed(): boolean {
    return this.active.closed;
  }

  /** Emits when the process is about to exit. */
  get closed$(): Observable<void> {
    return this.active.closed$;
  }

  /**
   * Delivers the reply's events after a sequence, live while it is open. Settles without a terminal event if this process ends before
   * the reply.
   */
  async read(
    reply: ReplyToRead,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<void> {
    const cursor = new ReadCursor(after, listener);
    // Subscribed before the reply is read, so that no change is missed.
    const changes = this.watcher.changesOf(reply);
    try {
      for (;;) {
        const open = await this.readAvailable(reply, cursor, signal);
        if (!open || signal.aborted || this.active.closed) return;
        await this.untilChanged(open, changes, cursor, signal);
      }
    } finally {
      changes.end();
    }
  }

  /** Whether nothing follows this sequence: the reader has the terminal event. */
  async hasAll(reply: MessageHeader, after: number): Promise<boolean> {
    const stored = isOpen(reply) ? undefined : await this.stored.get(replyRef(reply));
    return stored !== undefined && after >= lastSequence(stored);
  }

  /**
   * Reads the available events, from the log while there is one, else from the message. Undefined if the reader has the last event or has left;
   * the reply's message if that is open, but no process has its log: it is queued, or its process is about to open the log or close the reply.
   */
  private async readAvailable(
    reply: ReplyToRead,
    cursor: ReadCursor,
    signal: AbortSignal,
  ): Promise<MessageHeader | undefined> {
    const { status = 'streaming' } = reply;
    if (isOpen({ status })) {
      const end = await this.log.read(reply, cursor.sequence, cursor.accept, signal);
      if (end !== 'see-message' || cursor.atEnd) return undefined;
      const message = await this.messages.findHeader(reply.userId, reply.messageId);
      if (message && isOpen(message)) {
        // `start` is made from the message, so the reader need not wait for the log.
        if (message.status === 'streaming' && cursor.sequence === 0)
          await cursor.accept([logged(message.id, 1, startEvent(message))]);
        return message;
      }
    }
    await this.replay(reply, cursor, signal);
    return undefined;
  }

  /**
   * Settles when the reply may have begun or ended, the reader leaves or this process ends. Tells the reader the reply's place in the queue of
   * its model meanwhile, as fast as the reader takes it.
   */
  private async untilChanged(
    open: MessageHeader,
    changes: ReplyChanges,
    cursor: ReadCursor,
    signal: AbortSignal,
  ): Promise<void> {
    const closed = this.active.closed$.subscribe(changes.wake);
    signal.addEventListener('abort', changes.wake);
    try {
      for (;;) {
        const place = await changes.wait(open, { place: cursor.place });
        if (place === cursor.place) return;
        cursor.place = place;
        await cursor.listener([queuedNotice(open.id, place)]);
      }
    } finally {
      closed.unsubscribe();
      signal.removeEventListener('abort', changes.wake);
    }
  }

  /** Replays one batch at a time: a reader that does not drain holds one batch, and nothing else of the reply. */
  private async replay(reply: ReplyRef, cursor: ReadCursor, signal: AbortSignal): Promise<void> {
    if (cursor.sequence === AFTER_LAST) return;
    const storedLog = new StoredLogCursor(cursor.sequence);
    while (!signal.aborted && !cursor.atEnd) {
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
}

function deletedEvent({ messageId }: ReplyRef, after: number): LoggedEvent {
  return logged(messageId, after + 1, errorEvent(DELETED));
}

function asAbsent(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

/** Progress of a reader: the sequence of its last event, and the place in the queue that it knows. */
class ReadCursor {
  /** Place in the queue that the reader knows; 0: none. */
  place = 0;
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
