import type { LoggedEvent } from '../../src/chat/reply/reply-event';
import type { OpenedLog } from '../../src/chat/reply/reply-log';

/** A log whose batches are written down as a generator. */
export function logFrom(batches: (signal: AbortSignal) => AsyncIterable<LoggedEvent[]>): OpenedLog {
  return async (listener, signal) => {
    for await (const batch of batches(signal)) {
      if (signal.aborted) return;
      if (batch.length) await listener(batch);
    }
  };
}
