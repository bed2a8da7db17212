import { errorEvent, type LoggedEvent } from '../replies/events/event-codec';
import type { EventsListener, LogReader } from '../replies/log/reply-log';
import { STORAGE_UNAVAILABLE } from '../replies/events/reply-outcome';

/** The contract's error event, with the id of the last event, from which the reader can resume. */
export function errorEventAfter(last: LoggedEvent, error = STORAGE_UNAVAILABLE): LoggedEvent {
  const event = errorEvent(error);
  return { ...last, event, json: JSON.stringify(event), terminal: true };
}

/**
 * The same log; if it fails after an event, the contract's error event follows. It repeats the last id, from which the reader can
 * resume.
 * @throws whatever the log throws, if there was no event before
 */
export function withErrorEvent(log: LogReader): LogReader {
  return async (listener, signal) => {
    let last: LoggedEvent | undefined;
    const deliver: EventsListener = (batch) => {
      last = batch.at(-1);
      return listener(batch);
    };
    try {
      await log(deliver, signal);
    } catch (error) {
      if (!last) throw error;
      await listener([errorEventAfter(last)]);
    }
  };
}
