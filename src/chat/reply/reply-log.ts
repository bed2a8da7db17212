import type { LoggedEvent } from './reply-event';
import type { ReplyEvent } from './reply-event.dto';

/**
 * A reader's view of a log: batches of events in order. The reader sets the pace, and holds nothing but its place.
 * It ends after the terminal event, or when the reader's signal is aborted.
 */
export type EventBatches = AsyncIterable<LoggedEvent[]>;

/** A log that is ready to be read by whoever has the signal that ends the reading. */
export type OpenedLog = (signal: AbortSignal) => EventBatches;

/** The log of a reader that has it all. */
export const nothing: OpenedLog = async function* () {};

/**
 * The numbered events of open replies, between the one that produces them and any number of readers.
 * A closed reply's log is rebuilt from its message.
 */
export abstract class ReplyLog {
  /** Begins the log of a reply. */
  abstract open(messageId: string): void;

  /** Numbers the events and shows them to the readers once they are as durable as this log makes them. */
  abstract append(messageId: string, events: ReplyEvent[]): Promise<void>;

  /** The events after a sequence: those that are there, then live ones. Undefined if this log does not hold the reply. */
  abstract read(messageId: string, after: number, signal: AbortSignal): EventBatches | undefined;
}
