import type { LoggedEvent } from '../../events/event-codec';
import type { ReplyEvent } from '../../events/reply-event.dto';

/** Consecutive events of one reply in a batch; `sequence` is that of the first. */
export interface JournalEntry {
  messageId: string;
  sequence: number;
  events: ReplyEvent[];
}

/** A batch as JSON: `[[message id, sequence, [event, …]], …]`. The events are JSON already and are copied as they are. */
export function encodePayload(runs: Iterable<readonly LoggedEvent[]>): string {
  return `[${Array.from(runs, encodeRun).join()}]`;
}

function encodeRun(events: readonly LoggedEvent[]): string {
  return `["${events[0].messageId}",${events[0].sequence},[${events.map((event) => event.json).join()}]]`;
}

export function decodePayload(payload: string): JournalEntry[] {
  const runs = JSON.parse(payload) as [string, number, ReplyEvent[]][];
  return runs.map(([messageId, sequence, events]) => ({ messageId, sequence, events }));
}

/** Entries of a batch; none if it is broken, as it then counts as one that was not stored. */
export function decodeReadable(payload: string): JournalEntry[] {
  try {
    return decodePayload(payload);
  } catch {
    return [];
  }
}
