import { errorEvent, type LoggedEvent } from '../replies/events/event-codec';
import type { EventsListener, LogReader } from '../replies/log/reply-log';
import type { FeedEvent } from '../replies/read/user-feed';
import type { ErrorEvent } from '../replies/events/reply-event.dto';
import { STORAGE_UNAVAILABLE } from '../replies/events/reply-outcome';

/** Makes the contract's error event, with the id of the last event, from which the reader can resume; `storage_unavailable` unless given. */
export type MakeErrorEvent<E> = (last: E, error?: ErrorEvent['data']) => E;

export const replyErrorEvent: MakeErrorEvent<LoggedEvent> = (last, error = STORAGE_UNAVAILABLE) => {
  const event = errorEvent(error);
  return { ...last, event, json: JSON.stringify(event), terminal: true };
};

/** Makes the error event of a user's feed, whose ids are opaque. */
export const feedErrorEvent: MakeErrorEvent<FeedEvent> = ({ id }, error = STORAGE_UNAVAILABLE) => ({
  id,
  json: JSON.stringify(errorEvent(error)),
});

/**
 * The given log; if it fails after an event, the contract's error event follows. It repeats the last id, from which the reader can
 * resume.
 * @throws whatever the log throws, if there was no event before
 */
export function withErrorEvent<E>(log: LogReader<E>, makeErrorEvent: MakeErrorEvent<E>): LogReader<E> {
  return async (listener, signal) => {
    let last: E | undefined;
    const deliver: EventsListener<E> = (batch) => {
      last = batch.at(-1);
      return listener(batch);
    };
    try {
      await log(deliver, signal);
    } catch (error) {
      if (!last) throw error;
      await listener([makeErrorEvent(last)]);
    }
  };
}
