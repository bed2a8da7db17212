import type { LoggedEvent } from './reply-event';

const MAX_BATCH = 256;

type Read = IteratorResult<LoggedEvent[], void>;
const END: Read = { value: undefined, done: true };

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

  read(after: number, signal: AbortSignal): LogReading {
    return new LogReading(this, after, signal);
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

/** One reader's place in a log. An iterator that is written out: every token of every reader passes here. */
class LogReading implements AsyncIterableIterator<LoggedEvent[], void, undefined> {
  private waiting: ((read: Read) => void) | undefined;
  private state: 'new' | 'reading' | 'over' = 'new';

  constructor(
    private readonly log: OpenLog,
    private place: number,
    private readonly signal: AbortSignal,
  ) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Read> {
    if (this.state === 'new') this.begin();
    const read = this.look();
    return read ? Promise.resolve(read) : new Promise((resolve) => (this.waiting = resolve));
  }

  return(): Promise<Read> {
    return Promise.resolve(this.finish());
  }

  /** A property, so that it can be handed out as a listener. */
  readonly wake = (): void => {
    const { waiting } = this;
    const read = waiting && this.look();
    if (!read) return;
    this.waiting = undefined;
    waiting(read);
  };

  private begin(): void {
    this.state = 'reading';
    this.log.enter(this);
    this.signal.addEventListener('abort', this.wake);
  }

  private look(): Read | undefined {
    if (this.state === 'over' || this.signal.aborted) return this.finish();
    const batch = this.log.after(this.place);
    this.place += batch.length;
    if (batch.length) return { value: batch, done: false };
    return this.log.closed ? this.finish() : undefined;
  }

  private finish(): Read {
    if (this.state === 'reading') {
      this.log.leave(this);
      this.signal.removeEventListener('abort', this.wake);
    }
    this.state = 'over';
    return END;
  }
}
