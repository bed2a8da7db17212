import type { MessageHeader } from '../../messages/messages.service';
import type { ReplyContent } from '../../messages/reply-content';
import type { LoggedEvent } from '../events/event-codec';
import type { ErrorEvent, ReplyEvent, StartEvent } from '../events/reply-event.dto';

/** Takes batches of events in order. While what it answers has not settled, it is given no more. */
export type EventsListener = (events: LoggedEvent[]) => Promise<void> | undefined;

/**
 * A log that is ready to be read: settles after the terminal event, or when the signal aborts. The listener sets the pace, and the log
 * holds nothing for it but its place.
 */
export type LogReader = (listener: EventsListener, signal: AbortSignal) => Promise<void>;

/** The log of a reader that has it all. */
export const nothing: LogReader = () => Promise.resolve();

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
 * SEAM: the numbered events of open replies, between the one process that produces a reply and any number of readers in every process. An
 * event is shown once it is durable outside of the process, never before. The log of a completed reply is rebuilt from its message.
 * Today's implementation is `journal/` (PostgreSQL); every implementation passes `test/support/reply-log-contract.ts`.
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
  abstract flush(messageId: string): Promise<void>;

  /**
   * Ends the log of a reply whose message holds all that was appended with its terminal event, and forgets it; readers that
   * still hold it finish it.
   */
  abstract complete(messageId: string, terminal: ReplyEvent): void;

  /**
   * Tells the readers of an open reply that no more of it can be shown now, and lets them go. What was not shown is dropped; what
   * was is kept for whoever rebuilds it, until `drop`. The error is no part of the reply: it repeats the id of the last event,
   * from which a reader can go on later.
   */
  abstract fail(messageId: string, error: ErrorEvent): void;

  /** Forgets a reply that its message holds, by whomever, and lets its readers go: the message tells how it goes on. */
  abstract drop(messageId: string): void;

  /** Delivers the events after a sequence, as a `LogReader` does. Undefined if this process does not write the reply. */
  abstract read(
    messageId: string,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<void> | undefined;

  /**
   * The same for a reply that another process writes. Settles without a terminal event when this process ends, or when the reply cannot
   * be followed further; its message then tells its state.
   */
  abstract follow(
    reply: MessageHeader,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<void>;

  /** Ends what `follow` has begun: this process is about to exit. */
  abstract stopFollowing(): void;

  /**
   * Completes the replies of processes that are gone, with every event that was shown. Answers how many it completed. Safe to call
   * in several processes at once.
   */
  abstract recover(): Promise<number>;

  /** Drops what is stored for processes that are gone and have left no reply open. */
  abstract tidy(): Promise<void>;
}
