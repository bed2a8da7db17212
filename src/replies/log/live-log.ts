import type { LoggedEvent } from '../events/event-codec';
import type { EventsListener } from './reply-log';

const MAX_BATCH = 256;
const NONE: LoggedEvent[] = [];

/** Gives events again that were shown: so many, or fewer if they are long, but always one. */
type EarlierEvents = (after: number, count: number) => LoggedEvent[];

/**
 * The events of one open reply that readers may see. It lives as long as somebody writes or reads it, and keeps what was shown last:
 * those who read along have got the rest, and hardly anybody else comes.
 */
export class LiveLog {
  private latest: readonly LoggedEvent[] = [];
  private readonly readers = new Set<Subscription>();
  private ended = false;
  private shared = { place: 0, end: 0, batch: NONE };

  /** `before`: how many events came before the latest. */
  constructor(
    private readonly earlier: EarlierEvents,
    private earlierCount = 0,
  ) {}

  /** Somebody reads it. */
  get hasReaders(): boolean {
    return this.readers.size > 0;
  }

  get length(): number {
    return this.earlierCount + this.latest.length;
  }

  /** Nothing more will come. */
  get closed(): boolean {
    return this.ended || (this.latest.at(-1)?.terminal ?? false);
  }

  publish(events: readonly LoggedEvent[]): void {
    if (!events.length) return;
    this.earlierCount += this.latest.length;
    this.latest = events;
    this.notify();
  }

  /** Nothing more is shown here, although the reply may go on: readers get what is there, and then leave. */
  end(): void {
    this.ended = true;
    this.notify();
  }

  /** Settles when there is nothing more to be read here, or its signal aborts. */
  subscribe(after: number, listener: EventsListener, signal: AbortSignal): Promise<void> {
    return new Subscription(this, after, listener, signal).start();
  }

  add(reader: Subscription): void {
    this.readers.add(reader);
  }

  remove(reader: Subscription): void {
    this.readers.delete(reader);
  }

  /** Readers that are equally far share what comes next. */
  batchAfter(place: number): LoggedEvent[] {
    const end = Math.min(this.length, place + MAX_BATCH);
    if (end <= place) return NONE;
    if (this.shared.place !== place || this.shared.end !== end)
      this.shared = { place, end, batch: this.eventsBetween(place, end) };
    return this.shared.batch;
  }

  private eventsBetween(place: number, end: number): LoggedEvent[] {
    const { earlierCount, latest } = this;
    const wanted = Math.max(Math.min(end, earlierCount) - place, 0);
    const earlier = wanted ? this.earlier(place, wanted) : [];
    // Long events come in smaller batches.
    if (earlier.length < wanted) return earlier;
    return [...earlier, ...latest.slice(Math.max(place - earlierCount, 0), Math.max(end - earlierCount, 0))];
  }

  private notify(): void {
    for (const reader of this.readers) reader.wake();
  }
}

/** One reader's place in a log. Called rather than awaited for each batch: every token of every reader passes here. */
class Subscription {
  private readonly settled = Promise.withResolvers<void>();
  private state: 'idle' | 'busy' | 'over' = 'idle';

  constructor(
    private readonly log: LiveLog,
    private cursor: number,
    private readonly listener: EventsListener,
    private readonly signal: AbortSignal,
  ) {}

  start(): Promise<void> {
    this.log.add(this);
    this.signal.addEventListener('abort', this.wake);
    this.wake();
    return this.settled.promise;
  }

  /** A property, so that it can be handed out as a listener. */
  readonly wake = (): void => {
    while (this.state === 'idle') {
      const batch = this.signal.aborted ? [] : this.log.batchAfter(this.cursor);
      if (batch.length) this.deliver(batch);
      else if (this.signal.aborted || this.log.closed) this.finish();
      else return;
    }
  };

  private deliver(batch: LoggedEvent[]): void {
    this.cursor += batch.length;
    try {
      const taken = this.listener(batch);
      if (!taken) return;
      this.state = 'busy';
      taken.then(this.resume, this.fail);
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
    this.state = 'over';
    this.log.remove(this);
    this.signal.removeEventListener('abort', this.wake);
    this.settled.resolve();
  }
}
