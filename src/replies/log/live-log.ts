import { REPLY_BOUNDS } from '../../config/bounds';
import type { LoggedEvent } from '../events/event-codec';
import type { EventsListener, ReadEnd } from './reply-log';

const NONE: LoggedEvent[] = [];

/** Rebuilds events that were shown before: `count` after sequence `after`, or fewer if they are long, but at least one. */
type EarlierEvents = (after: number, count: number) => LoggedEvent[];

/**
 * The events of one open reply that readers may see, and its subscriptions. It lives as long as it is written or read, and keeps only
 * the events that were shown last: live readers have the others, and late readers are rare.
 */
export class LiveLog {
  private latest: readonly LoggedEvent[] = [];
  private readonly readers = new Set<Subscription>();
  private isDetached = false;
  private shared = { cursor: 0, end: 0, batch: NONE };

  /** `earlierCount`: number of events before `latest`. */
  constructor(
    private readonly earlier: EarlierEvents,
    private earlierCount = 0,
  ) {}

  /** Whether the log has subscriptions. */
  get hasReaders(): boolean {
    return this.readers.size > 0;
  }

  get length(): number {
    return this.earlierCount + this.latest.length;
  }

  /** Reason why no more events will come; undefined while more may. */
  get end(): Exclude<ReadEnd, 'aborted'> | undefined {
    if (this.isDetached) return 'see-message';
    return this.latest.at(-1)?.terminal ? 'terminal' : undefined;
  }

  publish(events: readonly LoggedEvent[]): void {
    if (!events.length) return;
    this.earlierCount += this.latest.length;
    this.latest = events;
    this.notify();
  }

  /** Ends the log although the reply may go on: readers get the events that are there and these, then their subscription settles. */
  detach(events: readonly LoggedEvent[] = []): void {
    this.isDetached = true;
    if (events.length) this.publish(events);
    else this.notify();
  }

  /** Delivers the events after a sequence. Settles when no more will come, or the signal aborts. */
  subscribe(after: number, listener: EventsListener, signal: AbortSignal): Promise<ReadEnd> {
    return new Subscription(this, after, listener, signal).start();
  }

  add(reader: Subscription): void {
    this.readers.add(reader);
  }

  remove(reader: Subscription): void {
    this.readers.delete(reader);
  }

  /** The events after a cursor; readers at the same cursor share one batch. */
  batchAfter(cursor: number): LoggedEvent[] {
    const end = Math.min(this.length, cursor + REPLY_BOUNDS.liveBatch.limit);
    if (end <= cursor) return NONE;
    if (this.shared.cursor !== cursor || this.shared.end !== end)
      this.shared = { cursor, end, batch: this.eventsBetween(cursor, end) };
    return this.shared.batch;
  }

  private eventsBetween(cursor: number, end: number): LoggedEvent[] {
    const { earlierCount, latest } = this;
    const wanted = Math.max(Math.min(end, earlierCount) - cursor, 0);
    const earlier = wanted ? this.earlier(cursor, wanted) : [];
    // Fewer than wanted: long events come in smaller batches.
    if (earlier.length < wanted) return earlier;
    return [...earlier, ...latest.slice(Math.max(cursor - earlierCount, 0), Math.max(end - earlierCount, 0))];
  }

  private notify(): void {
    for (const reader of this.readers) reader.wake();
  }
}

/** One reader's cursor in a log. Calls its listener back instead of being awaited per batch: every token of every reader passes here. */
class Subscription {
  private readonly settled = Promise.withResolvers<ReadEnd>();
  private state: 'idle' | 'busy' | 'done' = 'idle';

  constructor(
    private readonly log: LiveLog,
    private cursor: number,
    private readonly listener: EventsListener,
    private readonly signal: AbortSignal,
  ) {}

  start(): Promise<ReadEnd> {
    this.log.add(this);
    this.signal.addEventListener('abort', this.wake);
    this.wake();
    return this.settled.promise;
  }

  /** A property, so that it can be passed as a listener. */
  readonly wake = (): void => {
    while (this.state === 'idle') {
      const batch = this.signal.aborted ? [] : this.log.batchAfter(this.cursor);
      if (batch.length) this.deliver(batch);
      else if (this.signal.aborted || this.log.end) this.finish();
      else return;
    }
  };

  private deliver(batch: LoggedEvent[]): void {
    this.cursor += batch.length;
    try {
      const drained = this.listener(batch);
      if (!drained) return;
      this.state = 'busy';
      drained.then(this.resume, this.fail);
    } catch (error) {
      this.fail(error);
    }
  }

  private readonly resume = (): void => {
    this.state = 'idle';
    this.wake();
  };

  private readonly fail = (error: unknown): void => {
    this.settled.reject(error);
    this.finish();
  };

  private finish(): void {
    this.state = 'done';
    this.log.remove(this);
    this.signal.removeEventListener('abort', this.wake);
    this.settled.resolve(this.signal.aborted ? 'aborted' : (this.log.end ?? 'aborted'));
  }
}
