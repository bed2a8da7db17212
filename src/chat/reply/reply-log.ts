import type { ReplyContent } from '../../messages/reply-content';
import type { LoggedEvent } from './reply-event';
import type { ErrorEvent, ReplyEvent, StartEvent } from './reply-event.dto';

/** Takes batches of events in order. While what it answers has not settled, it is given no more. */
export type EventsListener = (events: LoggedEvent[]) => Promise<void> | undefined;

/**
 * A log that is ready to be read: settles after the terminal event, or when the signal aborts. The listener sets the pace, and the log
 * holds nothing for it but its place.
 */
export type OpenedLog = (listener: EventsListener, signal: AbortSignal) => Promise<void>;

/** The log of a reader that has it all. */
export const nothing: OpenedLog = () => Promise.resolve();

/** A reply that this process produces. */
export interface ReplyToLog {
  userId: string;
  /** What the process was known as when it opened the reply, which it may have lost since. */
  instanceId: string;
  start: StartEvent;
  /** Holds all that is appended, and is where readers that come late or are slow get it from. */
  content: ReplyContent;
}

/**
 * The numbered events of open replies, between the one that produces them and any number of readers. An event is shown
 * once it is durable outside of the process, never before. A closed reply's log is rebuilt from its message.
 */
export abstract class ReplyLog {
  /** Begins the log of a reply. Its `start` is shown at once: it says nothing that is not in the message. */
  abstract open(messageId: string, reply: ReplyToLog): void;

  /**
   * Numbers the events and has them stored and shown, in order, and does not wait for that. While too much of this reply is on its
   * way it answers what to wait for before there is more.
   * @throws AppError `storage_unavailable` if events of this reply could not be stored, then or earlier; `lease_lost` if
   *   others have taken the reply over
   */
  abstract append(messageId: string, events: ReplyEvent[]): Promise<void> | undefined;

  /** Waits until all that was appended is stored and shown, or has failed to be. Never throws. */
  abstract settle(messageId: string): Promise<void>;

  /**
   * Ends the log of a reply whose message holds all that was appended with its terminal event, and forgets it; readers that
   * still hold it finish it.
   */
  abstract close(messageId: string, terminal: ReplyEvent): void;

  /**
   * Tells the readers of an open reply that no more of it can be shown now, and lets them go. What was not shown is dropped; what
   * was is kept for whoever rebuilds it, until `release`. The error is no part of the reply: it repeats the id of the last event,
   * from which a reader can go on later.
   */
  abstract fail(messageId: string, error: ErrorEvent): void;

  /** Forgets a reply that its message holds, by whomever, and lets its readers go: the message tells how it goes on. */
  abstract release(messageId: string): void;

  /** Hands on the events after a sequence, as an `OpenedLog` does. Undefined if the reply is not open here. */
  abstract read(
    messageId: string,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<void> | undefined;
}
