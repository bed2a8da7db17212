import { StoredLogCursor, type LoggedEvent, type StoredReply } from '../../src/replies/events/event-codec';

/** All events of a closed reply after a sequence. */
export function storedEvents(reply: StoredReply, after: number): LoggedEvent[] {
  const events: LoggedEvent[] = [];
  const cursor = new StoredLogCursor(after);
  for (let batch = cursor.next(reply); batch.length; batch = cursor.next(reply)) events.push(...batch);
  return events;
}
