import { errorEvent, type LoggedEvent } from '../replies/events/event-codec';
import type { EventsListener, LogReader } from '../replies/log/reply-log';
import { STORAGE_UNAVAILABLE } from '../replies/events/reply-outcome';

/** The contract's own error event, which repeats the id of the last one: a reader can go on from there. */
export function errorEventAfter(last: LoggedEvent, error = STORAGE_UNAVAILABLE): LoggedEvent {
  return { ...last, json: JSON.stringify(errorEvent(error)), terminal: true };
}

/**
 * The same events; if they cannot be read on, the contract's own error event follows. It repeats the last id, from which the
 * reader can go on.
 * @throws whatever the log does, if there was no event before
 */
export function withErrorEvent(log: LogReader): LogReader {
  return async (listener, signal) => {
    let last: LoggedEvent | undefined;
    const take: EventsListener = (batch) => {
      last = batch.at(-1);
      return listener(batch);
    };
    try {
      await log(take, signal);
    } catch (error) {
      if (!last) throw error;
      await listener([errorEventAfter(last)]);
    }
  };
}
