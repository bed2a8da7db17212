import type { LoggedEvent } from './reply-event';
import type { EventBatches } from './reply-log';

type Read = IteratorResult<LoggedEvent[], void>;

/**
 * A log, and behind it, should it end without a terminal event, where else the reply goes on. Written out rather than a
 * generator: every token of every reader passes here.
 */
export class ContinuedReading implements AsyncIterableIterator<LoggedEvent[], void, undefined> {
  private reading: AsyncIterator<LoggedEvent[], void, undefined>;
  private first = true;
  private terminal = false;

  /** @param goOn where the reply goes on after this many events */
  constructor(
    log: EventBatches,
    private place: number,
    private readonly goOn: (place: number) => EventBatches,
  ) {
    this.reading = log[Symbol.asyncIterator]();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Read> {
    return this.first ? this.reading.next().then(this.follow) : this.reading.next();
  }

  async return(): Promise<Read> {
    await this.reading.return?.();
    return { value: undefined, done: true };
  }

  private readonly follow = (read: Read): Read | Promise<Read> => {
    if (!read.done) {
      this.place += read.value.length;
      this.terminal = read.value.at(-1)?.terminal ?? false;
      return read;
    }
    this.first = false;
    if (this.terminal) return read;
    this.reading = this.goOn(this.place)[Symbol.asyncIterator]();
    return this.reading.next();
  };
}
