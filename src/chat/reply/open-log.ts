import type { LoggedEvent } from './reply-event';
import type { EventBatches } from './reply-log';
import { Wakeup } from './wakeup';

const MAX_BATCH = 256;

/** The events of one open reply that readers may see. It lives as long as somebody writes or reads it. */
export class OpenLog {
  private readonly events: LoggedEvent[] = [];
  private readonly readers = new Set<Wakeup>();
  private ended = false;
  private shared = { place: 0, end: 0, batch: [] as LoggedEvent[] };

  /** Somebody reads it. */
  get watched(): boolean {
    return this.readers.size > 0;
  }

  get length(): number {
    return this.events.length;
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

  private wake(): void {
    for (const reader of this.readers) reader.wake();
  }

  async *read(after: number, signal: AbortSignal): EventBatches {
    const wakeup = new Wakeup();
    this.readers.add(wakeup);
    signal.addEventListener('abort', wakeup.wake);
    try {
      for (let place = after; !signal.aborted;) {
        const batch = this.after(place);
        place += batch.length;
        if (batch.length) yield batch;
        else if (this.closed) return;
        else await wakeup.wait();
      }
    } finally {
      signal.removeEventListener('abort', wakeup.wake);
      this.readers.delete(wakeup);
    }
  }

  /** Readers that are equally far share what comes next. */
  private after(place: number): LoggedEvent[] {
    const end = Math.min(this.events.length, place + MAX_BATCH);
    if (this.shared.place !== place || this.shared.end !== end)
      this.shared = { place, end, batch: this.events.slice(place, end) };
    return this.shared.batch;
  }

  private get closed(): boolean {
    return this.ended || (this.events.at(-1)?.terminal ?? false);
  }
}
