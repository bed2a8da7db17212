import { Injectable } from '@nestjs/common';
import { REPLY_BOUNDS } from '../../../config/bounds';
import { InstanceService, leaseLost } from '../../../instances/instance.service';
import { LiveLog } from '../live-log';
import { eventsAfter, logged, type LoggedEvent } from '../../events/event-codec';
import type { ErrorEvent, ReplyEvent, StartEvent } from '../../events/reply-event.dto';
import { ReplyLog, type EventsListener, type ReadEnd, type RecoveredReply } from '../reply-log';
import type { ReplyRef, WrittenReply } from '../../../messages/message.types';
import type { ReplyContent } from '../../../messages/content/reply-content';
import { CheckpointWriter } from './checkpoint-writer';
import { JournalFollowers } from './journal-followers';
import { Recovery } from './recovery';
import { JournalWriter } from './journal-writer';

/** Log state of a reply that this process produces. */
interface LoggedReply {
  log: LiveLog;
  /** Events that are numbered but not shown yet; `characters` is their length as JSON. */
  pending: LoggedEvent[];
  characters: number;
  /** Sequence of the last event. */
  sequence: number;
  /** Events that are shown already, but not in the journal yet: only `start`, all of which the turn's own statement has stored. */
  unflushed: LoggedEvent[];
  /** Batch that holds its last events; `count` is the number of them. */
  batch?: { stored: Promise<void>; count: number };
  /** Settles when all appended events are stored and shown. */
  last: Promise<void>;
  failure?: unknown;
}

const DONE = Promise.resolve();

/** `ReplyLog` on PostgreSQL: events of open replies are stored in the journal, and shown from memory as soon as they are stored. */
@Injectable()
export class JournalReplyLog extends ReplyLog {
  private readonly replies = new Map<string, LoggedReply>();

  constructor(
    private readonly journal: JournalWriter,
    private readonly checkpoints: CheckpointWriter,
    private readonly instance: InstanceService,
    private readonly followers: JournalFollowers,
    private readonly recovery: Recovery,
  ) {
    super();
    // Replies that other processes have closed in place of this one must not be extended or shown.
    instance.lost.subscribe(() => this.replies.forEach((reply) => (reply.failure ??= leaseLost())));
  }

  open(written: WrittenReply, start: StartEvent, content: ReplyContent): void {
    const { messageId, instanceId } = written;
    this.journal.register(messageId);
    this.checkpoints.register(written, content);
    const first = logged(messageId, 1, start);
    const reply: LoggedReply = {
      log: new LiveLog((after, count) => eventsAfter({ messageId, start, content }, after, count)),
      pending: [],
      characters: 0,
      sequence: 1,
      unflushed: [first],
      last: DONE,
      failure: this.instance.is(instanceId) ? undefined : leaseLost(),
    };
    reply.log.publish([first]);
    this.replies.set(messageId, reply);
  }

  append(messageId: string, events: ReplyEvent[]): Promise<void> | undefined {
    const reply = this.replies.get(messageId);
    if (!reply) return undefined;
    const run = events.map((event) => logged(messageId, ++reply.sequence, event));
    // Events are pending even if storing fails: they are in the message then, and `complete` shows them.
    reply.pending.push(...run);
    for (const { json } of run) reply.characters += json.length;
    if (reply.failure) return fail(reply.failure);
    this.store(reply, run);
    return this.isFull(reply) ? reply.last : undefined;
  }

  async flush(messageId: string): Promise<void> {
    await this.replies.get(messageId)?.last;
  }

  complete(messageId: string, terminal: ReplyEvent): void {
    const reply = this.forget(messageId);
    this.journal.unregister(messageId);
    if (!reply) return;
    show(reply, reply.pending.length);
    reply.log.publish([logged(messageId, reply.log.length + 1, terminal)]);
  }

  detach(messageId: string, error?: ErrorEvent): void {
    const log = this.forget(messageId)?.log;
    if (!error) this.journal.unregister(messageId);
    log?.detach(error && [logged(messageId, log.length, error)]);
  }

  read(reply: ReplyRef, after: number, listener: EventsListener, signal: AbortSignal): Promise<ReadEnd> {
    const here = this.replies.get(reply.messageId);
    return here
      ? here.log.subscribe(after, listener, signal)
      : this.followers.read(reply, after, listener, signal);
  }

  recover(instanceId: string): AsyncIterableIterator<RecoveredReply> {
    return this.recovery.recover(instanceId);
  }

  close(): void {
    this.followers.close();
    this.replies.forEach(({ log }) => log.detach());
  }

  private isFull({ pending, characters }: LoggedReply): boolean {
    return (
      pending.length > REPLY_BOUNDS.pendingEvents.limit ||
      characters > REPLY_BOUNDS.pendingCharacters.limit ||
      this.journal.full
    );
  }

  /** Stores events; those that are stored in one batch are shown together. */
  private store(reply: LoggedReply, run: LoggedEvent[]): void {
    const stored = this.journal.store(reply.unflushed.length ? [...reply.unflushed.splice(0), ...run] : run);
    if (reply.batch?.stored === stored) {
      reply.batch.count += run.length;
      return;
    }
    const batch = { stored, count: run.length };
    reply.batch = batch;
    reply.last = stored.then(
      () => void (reply.failure ?? show(reply, batch.count)),
      (error: unknown) => void (reply.failure ??= error),
    );
  }

  private forget(messageId: string): LoggedReply | undefined {
    const reply = this.replies.get(messageId);
    this.replies.delete(messageId);
    this.checkpoints.unregister(messageId);
    return reply;
  }
}

async function fail(reason: unknown): Promise<never> {
  throw reason;
}

function show(reply: LoggedReply, count: number): void {
  const events = reply.pending.splice(0, count);
  for (const { json } of events) reply.characters -= json.length;
  reply.log.publish(events);
}
