import { errorEvent, type LoggedEvent } from './reply-event';
import type { EventsListener, OpenedLog } from './reply-log';
import { STORAGE_UNAVAILABLE } from './reply-outcome';

/** The contract's own error event, which repeats the id of the last one: a reader can go on from there. */
export function errorAfter(last: LoggedEvent, error = STORAGE_UNAVAILABLE): LoggedEvent {
  return { ...last, json: JSON.stringify(errorEvent(error)), terminal: true };
}

/**
 * The same events; if they cannot be read on, the contract's own error event follows. It repeats the last id, from which the
 * reader can go on.
 * @throws whatever the log does, if there was no event before
 */
export function withToldFailure(log: OpenedLog): OpenedLog {
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
      await listener([errorAfter(last)]);
    }
  };
}
