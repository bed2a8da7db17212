import type { MessageHeader } from '../../messages/messages.service';
import type { ReplyContent } from '../../messages/reply-content';
import type { LoggedEvent } from '../events/event-codec';
import type { ErrorEvent, ReplyEvent, StartEvent } from '../events/reply-event.dto';

/** Receives batches of events in order. While the promise that it returned is pending, it receives no more. */
export type EventsListener = (events: LoggedEvent[]) => Promise<void> | undefined;

/**
 * Reads one log: settles after the terminal event, or when the signal aborts. The listener sets the pace, and the log holds nothing for
 * it but its cursor.
 */
export type LogReader = (listener: EventsListener, signal: AbortSignal) => Promise<void>;

/** Empty log, for a reader that has all events. */
export const emptyLog: LogReader = () => Promise.resolve();

/** A reply that this process produces. */
export interface ReplyToLog {
  userId: string;
  /** Registration id of the process when it opened the reply; it may have lost the registration since. */
  instanceId: string;
  start: StartEvent;
  /** Holds all that is appended; late and slow readers are served from it. */
  content: ReplyContent;
}

/**
 * SEAM: the numbered events of open replies, between the one process that produces a reply and any number of readers in every process. An
 * event is shown once it is durable outside of the process, never before. The log of a completed reply is rebuilt from its message.
 * Today's implementation is `journal/` (PostgreSQL); every implementation passes `test/support/reply-log-contract.ts`.
 */
export abstract class ReplyLog {
  /** Opens the log of a reply. Its `start` event is shown at once: it contains nothing that is not in the message. */
  abstract open(messageId: string, reply: ReplyToLog): void;

  /**
   * Numbers the events and has them stored and shown, in order, without waiting for that. While too much of this reply is not stored
   * yet, it returns a promise to await before the next append.
   * @throws AppError `storage_unavailable` if events of this reply could not be stored, now or earlier; `lease_lost` if
   *   others have taken the reply over
   */
  abstract append(messageId: string, events: ReplyEvent[]): Promise<void> | undefined;

  /** Waits until all appended events are stored and shown, or have failed to be. Never throws. */
  abstract flush(messageId: string): Promise<void>;

  /**
   * Ends the log with the terminal event, and forgets it. The reply's message must hold all that was appended. Current readers still
   * read the log to its end.
   */
  abstract complete(messageId: string, terminal: ReplyEvent): void;

  /**
   * Ends the log of an open reply for its readers with an error: no more of it can be shown now. Events that were not shown are
   * dropped; those that were are kept until `drop`, so that the reply can be rebuilt. The error is no part of the reply: it repeats the
   * id of the last event, from which a reader can resume later.
   */
  abstract fail(messageId: string, error: ErrorEvent): void;

  /** Forgets a reply that is stored in its message, by whichever process, and ends its readers: the message holds the rest. */
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

  /** Ends all `follow` calls: this process is about to exit. */
  abstract stopFollowing(): void;

  /**
   * Completes the replies of dead processes, with every event that was shown. Returns how many it completed. Safe to call in several
   * processes at once.
   */
  abstract recover(): Promise<number>;

  /** Deletes what is stored for dead processes that have left no reply open. */
  abstract tidy(): Promise<void>;
}
