import { Injectable, Logger } from '@nestjs/common';
import { Wakeup } from '../../common/wakeup';
import { OPEN_ANSWER_BOUNDS } from '../../config/bounds';
import { unavailable } from '../../database/database-error';
import { replyRef, type ReplyRef } from '../../messages/message.types';
import { MessagesService } from '../../messages/messages.service';
import type { ResetEvent } from '../../user-events/dto/user-event.dto';
import { UserEvents, type FollowingEvents } from '../../user-events/user-events';
import type { NumberedEvent } from '../../user-events/user-event.types';
import type { LoggedEvent } from '../events/event-codec';
import type { EventsListener, LogReader } from '../log/reply-log';
import { ActiveReplies } from '../produce/active-replies';
import { type FeedId, FeedCursor, parseFeedId } from './user-feed-cursor';
import { ReplyReader } from './reply-reader';

/** Delay after which a feed repeats a query that failed. */
const RETRY_MS = 5_000;

const RESET = JSON.stringify({ type: 'reset', data: { reason: 'unknown_event' } } satisfies ResetEvent);

/** An event of a user's feed. */
export interface FeedEvent {
  /** Opaque id, from which a reader resumes. */
  id: string;
  json: string;
}

export interface UserFeedOptions {
  /** Id of the last event that the reader has. */
  lastEventId?: string;
  /** Wraps the log of each reply whose events the feed includes; absent: it includes none. */
  replies?: (log: LogReader) => LogReader;
}

/** Streams the events of all of a user's conversations. Called by `UserEventsController`, `SocketCommands`. */
@Injectable()
export class UserFeed {
  private readonly shown: Sources['shown'] = {};

  constructor(
    private readonly events: UserEvents,
    private readonly messages: MessagesService,
    private readonly reader: ReplyReader,
    private readonly active: ActiveReplies,
  ) {}

  /**
   * Log of the user's events from now on, with the log of each running reply from its start; or of all events since `lastEventId`. It ends only
   * with the process or the reader.
   * @throws AppError `invalid_last_event_id`
   */
  async open(userId: string, { lastEventId, replies }: UserFeedOptions): Promise<LogReader<FeedEvent>> {
    const last = lastEventId ? parseFeedId(lastEventId) : undefined;
    const seq = await this.events.follow(userId);
    const cursor = last
      ? await this.cursorAfter(userId, last, replies !== undefined)
      : await this.currentCursor(userId, seq, replies !== undefined);
    const { events, messages, reader, active, shown } = this;
    const sources = { events, messages, reader, active, shown };
    return (listener, signal) =>
      new FeedReading(sources, { userId, cursor, replies, listener, signal }).run();
  }

  private async currentCursor(userId: string, last: number, withReplies: boolean): Promise<FeedCursor> {
    if (!withReplies) return new FeedCursor(last, false);
    const { seq, replies } = await this.running(userId);
    const cursor = new FeedCursor(seq, true);
    for (const reply of replies) cursor.add(reply, 0);
    return cursor;
  }

  private async cursorAfter(userId: string, last: FeedId, withReplies: boolean): Promise<FeedCursor> {
    const cursor = new FeedCursor(last.seq, withReplies);
    if (!withReplies) return cursor;
    // Removed replies are left out: the reader gets events of their removal.
    if (last.replies.size)
      for (const header of await this.messages.replies(userId, [...last.replies.keys()]))
        cursor.add(replyRef(header), last.replies.get(header.id) ?? 0);
    // The former feed had no replies, so it has read none of those that run. A feed that had them gets an event of each further one.
    else if (!last.withReplies)
      for (const reply of (await this.running(userId)).replies) cursor.add(reply, 0);
    return cursor;
  }

  private running(userId: string): Promise<{ seq: number; replies: ReplyRef[] }> {
    return this.messages.runningReplies(userId, OPEN_ANSWER_BOUNDS.repliesOfUserFeed.limit);
  }
}

/** Events that a feed made of a batch at a cursor. Other feeds of the user at the same cursor reuse them, and their encoding. */
interface ShownBatch {
  batch: readonly LoggedEvent[];
  /** Id of the cursor before the batch. */
  from: string;
  events: FeedEvent[];
}

/** Sources that a feed reads. */
interface Sources {
  shown: { last?: ShownBatch };
  events: UserEvents;
  messages: MessagesService;
  reader: ReplyReader;
  active: ActiveReplies;
}

interface Feed {
  userId: string;
  cursor: FeedCursor;
  replies: UserFeedOptions['replies'];
  listener: (events: FeedEvent[]) => Promise<void> | undefined;
  signal: AbortSignal;
}

/** One reader of a feed: the user's events, and the logs of replies beside them, one delivery at a time. */
class FeedReading {
  private readonly logger = new Logger(UserFeed.name);
  private readonly wakeup = new Wakeup();
  /** Woken when a reply has ended, so that the cursor has room for another one. */
  private readonly room = new Wakeup();
  private readonly stop = new AbortController();
  /** Settles when the listener takes more. */
  private full: Promise<void> | undefined;
  private failure: { error: unknown } | undefined;

  constructor(
    private readonly sources: Sources,
    private readonly feed: Feed,
  ) {}

  async run(): Promise<void> {
    const { userId, cursor, signal } = this.feed;
    const { events, active } = this.sources;
    const unwatch = events.watch(userId, () => cursor.seq, this.wakeup.wake);
    const closed = active.closed$.subscribe(this.end);
    signal.addEventListener('abort', this.end);
    try {
      for (const { reply } of cursor.open) this.begin(reply);
      while (!this.isOver) {
        const next = await this.next();
        if (next === undefined) await this.wakeup.wait(RETRY_MS);
        else if (typeof next === 'number') await this.reset();
        else {
          await this.tell(next.events);
          if (!next.more) await this.wakeup.wait();
        }
      }
      if (this.failure) throw this.failure.error;
    } finally {
      unwatch();
      closed.unsubscribe();
      signal.removeEventListener('abort', this.end);
      this.stop.abort(signal.reason);
    }
  }

  private get isOver(): boolean {
    return this.feed.signal.aborted || this.sources.active.closed || this.failure !== undefined;
  }

  private readonly end = (): void => {
    this.wakeup.wake();
    this.room.wake();
  };

  /** The events after the cursor; undefined if the query fails. A number means that they are not known any more. */
  private async next(): Promise<FollowingEvents | number | undefined> {
    const { userId, cursor } = this.feed;
    try {
      return await this.sources.events.after(userId, cursor.seq);
    } catch (error) {
      this.logger.warn({ err: error }, 'A feed could not look for events; it tries again');
      return undefined;
    }
  }

  /** Sends `reset` to a reader that may have missed events: it continues with events from now on and the replies that run now. */
  private async reset(): Promise<void> {
    const { userId, cursor, replies } = this.feed;
    const { limit } = OPEN_ANSWER_BOUNDS.repliesOfUserFeed;
    const now = await this.sources.messages.runningReplies(userId, limit);
    const begun = replies ? now.replies.filter((reply) => !cursor.has(reply) && !cursor.isFull) : [];
    await this.send(() => {
      cursor.seq = now.seq;
      for (const reply of begun) cursor.add(reply, 0);
      return [{ id: cursor.id, json: RESET }];
    });
    for (const reply of begun) this.begin(reply);
  }

  private async tell(events: readonly NumberedEvent[]): Promise<void> {
    const { cursor, replies } = this.feed;
    const told = ({ seq, json }: NumberedEvent) => {
      cursor.seq = seq;
      return { id: cursor.id, json };
    };
    if (!replies) {
      if (events.length) await this.send(() => events.map(told));
      return;
    }
    for (const event of events) {
      const reply = this.startedReply(event);
      if (reply) await this.untilRoom();
      if (this.isOver) return;
      await this.send(() => {
        if (reply) cursor.add(reply, 0);
        return [told(event)];
      });
      if (reply) this.begin(reply);
    }
  }

  private async untilRoom(): Promise<void> {
    while (this.feed.cursor.isFull && !this.isOver) await this.room.wait();
  }

  private startedReply({ event: { type, data } }: NumberedEvent): ReplyRef | undefined {
    if (type !== 'reply.started') return undefined;
    const { userId, cursor } = this.feed;
    const reply = { userId, conversationId: data.conversation_id, messageId: data.message_id };
    return cursor.has(reply) ? undefined : reply;
  }

  /** Reads the log of a reply from its cursor on. */
  private begin(reply: ReplyRef): void {
    const { cursor, replies = (log) => log } = this.feed;
    const after = cursor.sequenceOf(reply);
    const log = replies((listener, signal) => this.sources.reader.read(reply, after, listener, signal));
    const listener: EventsListener = (batch) =>
      batch.some(({ sequence }) => sequence) ? this.send(() => this.shown(reply, batch)) : undefined;
    const onEnd = () => {
      if (!this.isOver) cursor.remove(reply);
      this.room.wake();
    };
    const onFailure = (error: unknown) => {
      this.failure ??= { error };
      this.end();
    };
    void log(listener, this.stop.signal).then(onEnd, onFailure);
  }

  private shown(reply: ReplyRef, batch: readonly LoggedEvent[]): FeedEvent[] {
    const { cursor } = this.feed;
    const { shown } = this.sources;
    const from = cursor.id;
    const known = shown.last?.batch === batch && shown.last.from === from ? shown.last.events : undefined;
    const events = known ?? [];
    for (const logged of batch) {
      if (!logged.sequence) continue;
      // An event that repeats an id ends a log that cannot be read on now: the reader resumes later.
      if (logged.sequence <= cursor.sequenceOf(reply)) throw unavailable();
      cursor.advance(reply, logged.sequence);
      if (logged.terminal) cursor.remove(reply);
      if (!known) events.push({ id: cursor.id, json: withIds(logged, reply) });
    }
    shown.last = { batch, from, events };
    return events;
  }

  /** Delivers one batch after the other, as fast as the listener takes them. `make` is called only then, so that ids are of the cursor then. */
  private send(make: () => FeedEvent[]): Promise<void> | undefined {
    if (this.full) return this.full.then(() => this.send(make));
    if (this.isOver) return undefined;
    const drained = this.feed.listener(make());
    if (!drained) return undefined;
    return (this.full = drained.then(() => void (this.full = undefined)));
  }
}

/** JSON of an event of a reply with the ids of its conversation and message. `start` has both already, `end` that of the message. */
function withIds({ event: { type }, json }: LoggedEvent, { conversationId, messageId }: ReplyRef): string {
  if (type === 'start') return json;
  const message = type === 'end' ? '' : `,"message_id":"${messageId}"`;
  return `${json.slice(0, -2)},"conversation_id":"${conversationId}"${message}}}`;
}
