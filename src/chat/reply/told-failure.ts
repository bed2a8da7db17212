import { errorEvent, type LoggedEvent } from './reply-event';
import type { EventBatches } from './reply-log';
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
export async function* withToldFailure(batches: EventBatches): EventBatches {
  let last: LoggedEvent | undefined;
  try {
    for await (const batch of batches) {
      last = batch.at(-1) ?? last;
      yield batch;
    }
  } catch (error) {
    if (!last) throw error;
    yield [errorAfter(last)];
  }
}
