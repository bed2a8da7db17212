import type { LoggedEvent } from '../../src/replies/events/event-codec';
import type { LogReader } from '../../src/replies/log/reply-log';

/** A log whose batches are written down as a generator. */
export function logFrom(batches: (signal: AbortSignal) => AsyncIterable<LoggedEvent[]>): LogReader {
  return async (listener, signal) => {
    for await (const batch of batches(signal)) {
      if (signal.aborted) return;
      if (batch.length) await listener(batch);
    }
  };
}
