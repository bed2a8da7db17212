import type { LoggedEvent } from './reply-event';
import type { EventsListener } from './reply-log';

const MAX_BATCH = 256;
const NONE: LoggedEvent[] = [];

/** Events before the last so many are made again for those who want them: they are many, and hardly anybody does. */
const KEPT = 16;

/** The events of one open reply that readers may see. It lives as long as somebody writes or reads it. */
export class OpenLog {
  /** The latest events. */
  private events: LoggedEvent[] = [];
  /** How many came before them. */
  private before = 0;
  private readonly readers = new Set<LogReading>();
  private ended = false;
  private shared = { place: 0, end: 0, batch: [] as LoggedEvent[] };

  /** @param earlier gives events again that were shown; without it all are kept */
  constructor(private readonly earlier?: (after: number, count: number) => LoggedEvent[]) {}

  /** Somebody reads it. */
  get watched(): boolean {
    return this.readers.size > 0;
  }

  get length(): number {
    return this.before + this.events.length;
  }

  /** Nothing more will come. */
  get closed(): boolean {
    return this.ended || (this.events.at(-1)?.terminal ?? false);
  }

  show(events: readonly LoggedEvent[]): void {
    for (const event of events) this.events.push(event);
    this.wake();
    this.forget();
  }

  /** Nothing more is shown here, although the reply may go on: readers get what is there, and then leave. */
  end(): void {
    this.ended = true;
    this.wake();
  }

  /** Settles when there is nothing more to be read here, or its signal aborts. */
  read(after: number, listener: EventsListener, signal: AbortSignal): Promise<void> {
    return new LogReading(this, after, listener, signal).begin();
  }

  enter(reader: LogReading): void {
    this.readers.add(reader);
  }

  leave(reader: LogReading): void {
    this.readers.delete(reader);
  }

  /** Readers that are equally far share what comes next. */
  after(place: number): LoggedEvent[] {
    const end = Math.min(this.length, place + MAX_BATCH);
    if (end <= place) return NONE;
    if (this.shared.place !== place || this.shared.end !== end)
      this.shared = { place, end, batch: this.between(place, end) };
    return this.shared.batch;
  }

  private between(place: number, end: number): LoggedEvent[] {
    const { before, events, earlier } = this;
    if (place >= before || !earlier) return events.slice(place - before, end - before);
    return earlier(place, Math.min(end, before) - place);
  }

  /** Those who read along have got them. A few at a time, so that an event costs no more than its share. */
  private forget(): void {
    if (!this.earlier || this.closed || this.events.length < 2 * KEPT) return;
    this.before += this.events.length - KEPT;
    this.events = this.events.slice(-KEPT);
  }

  private wake(): void {
    for (const reader of this.readers) reader.wake();
  }
}

/** One reader's place in a log. Called rather than awaited for each batch: every token of every reader passes here. */
class LogReading {
  private readonly over = Promise.withResolvers<void>();
  private state: 'idle' | 'busy' | 'over' = 'idle';

  constructor(
    private readonly log: OpenLog,
    private place: number,
    private readonly listener: EventsListener,
    private readonly signal: AbortSignal,
  ) {}

  begin(): Promise<void> {
    this.log.enter(this);
    this.signal.addEventListener('abort', this.wake);
    this.wake();
    return this.over.promise;
  }

  /** A property, so that it can be handed out as a listener. */
  readonly wake = (): void => {
    while (this.state === 'idle') {
      const batch = this.signal.aborted ? [] : this.log.after(this.place);
      if (batch.length) this.hand(batch);
      else if (this.signal.aborted || this.log.closed) this.finish();
      else return;
    }
  };

  private hand(batch: LoggedEvent[]): void {
    this.place += batch.length;
    try {
      const taken = this.listener(batch);
      if (!taken) return;
      this.state = 'busy';
      taken.then(this.goOn, this.fail);
    } catch (error) {
      this.fail(error);
    }
  }

  private readonly goOn = (): void => {
    this.state = 'idle';
    this.wake();
  };

  private readonly fail = (error: unknown): void => {
    this.over.reject(error);
    this.finish();
  };

  private finish(): void {
    this.state = 'over';
    this.log.leave(this);
    this.signal.removeEventListener('abort', this.wake);
    this.over.resolve();
  }
}
