import type { ReplyRef, WrittenReply } from '../../messages/message.types';
import type { ReplyContent, StorableContent } from '../../messages/content/reply-content';
import type { LoggedEvent } from '../events/event-codec';
import type { ErrorEvent, ReplyEvent, StartEvent } from '../events/reply-event.dto';

/** Receives batches of events in order. While the promise that it returned is pending, it receives no more. */
export type EventsListener<E = LoggedEvent> = (events: E[]) => Promise<void> | undefined;

/**
 * Reads the events of one or more replies: settles after the last of them, or when the signal aborts. The listener sets the pace, and nothing
 * is kept for it but its cursor. `RepliesService`, `NamedFeed` and `UserFeed` (whose events have ids of their own) return such a reader.
 */
export type LogReader<E = LoggedEvent> = (listener: EventsListener<E>, signal: AbortSignal) => Promise<void>;

/** Reader of nothing, for a client that has all events. */
export const emptyLog: LogReader = () => Promise.resolve();

/**
 * Reason why a log has no more events for its reader: it has ended with its `terminal` event; it ends here without one, and the state of the
 * reply is in its message (`see-message`); the reader's signal has `aborted`.
 */
export type ReadEnd = 'terminal' | 'see-message' | 'aborted';

/** A reply whose process is gone, with its content in the log. */
export interface RecoveredReply {
  reply: WrittenReply;
  content: StorableContent;
}

/**
 * SEAM: the numbered events of open replies, between the one process that produces a reply and any number of readers in every process. An
 * event is shown once it is durable outside of the process, never before. The log of a completed reply is rebuilt from its message.
 * Today's implementation is `journal/` (PostgreSQL); every implementation passes `test/support/reply-log-contract.ts`.
 *
 * A reply's producer calls `open`, `append` as often as it likes, `flush`, and, once the reply is stored in its message, `complete`.
 */
export abstract class ReplyLog {
  /**
   * Opens the log of a reply that this process produces. Its `start` event is shown at once: it contains nothing that is not in the message.
   * @param reply with the registration of this process when it stored the turn; the process may have lost that registration since, and then
   *   nothing can be appended
   * @param content holds all that is appended; late and slow readers are served from it
   */
  abstract open(reply: WrittenReply, start: StartEvent, content: ReplyContent): void;

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
   * Ends the log in this process without its terminal event; readers get the end `see-message`.
   *
   * Without an error the reply is stored in its message, by whichever process, or is gone: the log forgets it. With an error, which is shown to
   * its readers, it is still open: nothing more of it can be shown now, and what was shown is kept until the reply is detached without one, so
   * that it can be recovered. The error is no part of the reply: it repeats the id of the last event, from which a reader resumes later.
   */
  abstract detach(messageId: string, error?: ErrorEvent): void;

  /**
   * Delivers the events after a sequence, live, whichever process writes the reply, without gaps. `see-message` also for a reply that has no log:
   * it is queued, closed, deleted, or stored by this process but not opened yet.
   */
  abstract read(
    reply: ReplyRef,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<ReadEnd>;

  /**
   * Recovers the open replies of a process that is gone, with every event that was shown. None while the process is registered;
   * `InstanceService.takeOver` ends the registration of a dead one. Once a recovery has begun, no append of that process succeeds. The
   * caller stores the replies, each in a transaction of its own; a reply that cannot be read now is left out, and found by the next call.
   * The iterator may be shared by several consumers. Two recoveries at once do no harm.
   */
  abstract recover(instanceId: string): AsyncIterableIterator<RecoveredReply>;

  /** This process is about to exit: every `read` settles. */
  abstract close(): void;
}
