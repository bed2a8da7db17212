import type { LoggedEvent } from './reply-event';
import type { EventsListener } from './reply-log';

const MAX_BATCH = 256;

/** The events of one open reply that readers may see. It lives as long as somebody writes or reads it. */
export class OpenLog {
  private readonly events: LoggedEvent[] = [];
  private readonly readers = new Set<LogReading>();
  private ended = false;
  private shared = { place: 0, end: 0, batch: [] as LoggedEvent[] };

  /** Somebody reads it. */
  get watched(): boolean {
    return this.readers.size > 0;
  }

  get length(): number {
    return this.events.length;
  }

  /** Nothing more will come. */
  get closed(): boolean {
    return this.ended || (this.events.at(-1)?.terminal ?? false);
  }

  show(events: readonly LoggedEvent[]): void {
    for (const event of events) this.events.push(event);
    this.wake();
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
    const end = Math.min(this.events.length, place + MAX_BATCH);
    if (this.shared.place !== place || this.shared.end !== end)
      this.shared = { place, end, batch: this.events.slice(place, end) };
    return this.shared.batch;
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
