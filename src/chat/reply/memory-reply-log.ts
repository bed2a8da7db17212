import { Injectable } from '@nestjs/common';
import { logged, type LoggedEvent } from './reply-event';
import type { ReplyEvent } from './reply-event.dto';
import { ReplyLog, type EventBatches } from './reply-log';
import { Wakeup } from './wakeup';

const MAX_BATCH = 256;

/** Keeps open logs in the process. A log goes with its terminal event; readers that still hold it finish it. */
@Injectable()
export class MemoryReplyLog extends ReplyLog {
  private readonly logs = new Map<string, OpenLog>();

  open(messageId: string): void {
    this.logs.set(messageId, new OpenLog());
  }

  async append(messageId: string, events: ReplyEvent[]): Promise<void> {
    const log = this.logs.get(messageId);
    if (!log) return;
    log.append(events.map((event, index) => logged(messageId, log.length + index + 1, event)));
    if (log.closed) this.logs.delete(messageId);
  }

  read(messageId: string, after: number, signal: AbortSignal): EventBatches | undefined {
    return this.logs.get(messageId)?.read(after, signal);
  }
}

class OpenLog {
  private readonly events: LoggedEvent[] = [];
  private readonly readers = new Set<Wakeup>();

  get length(): number {
    return this.events.length;
  }

  get closed(): boolean {
    return this.events.at(-1)?.terminal ?? false;
  }

  append(events: LoggedEvent[]): void {
    this.events.push(...events);
    for (const reader of this.readers) reader.wake();
  }

  async *read(after: number, signal: AbortSignal): EventBatches {
    const wakeup = new Wakeup();
    this.readers.add(wakeup);
    signal.addEventListener('abort', wakeup.wake);
    try {
      for (let place = after; !signal.aborted; ) {
        const batch = this.events.slice(place, place + MAX_BATCH);
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
}
