import { Injectable } from '@nestjs/common';
import { REPLY_BOUNDS } from '../../config/bounds';
import { InstanceService, leaseLost } from '../../instances/instance.service';
import { OpenLog } from '../reply/open-log';
import { eventsAfter, logged, type LoggedEvent } from '../reply/reply-event';
import type { ErrorEvent, ReplyEvent } from '../reply/reply-event.dto';
import { ReplyLog, type EventsListener, type ReplyToLog } from '../reply/reply-log';
import { Checkpoints } from './checkpoints';
import { JournalWriter } from './journal-writer';

/** A reply that this process produces. */
interface OpenReply {
  log: OpenLog;
  /** Events that are numbered but not shown yet, and their characters as JSON. */
  underway: LoggedEvent[];
  characters: number;
  /** The number of the last event. */
  sequence: number;
  /** Shown already, but not in the journal yet. */
  unstored: LoggedEvent[];
  /** The batch that holds its last events, and how many of them. */
  batch?: { stored: Promise<void>; count: number };
  /** Settles when all that was appended is stored and shown. */
  last: Promise<void>;
  failure?: unknown;
}

const DONE = Promise.resolve();

/** Open replies are kept in the journal, and shown from memory as soon as the journal has them. */
@Injectable()
export class JournalReplyLog extends ReplyLog {
  private readonly replies = new Map<string, OpenReply>();

  constructor(
    private readonly journal: JournalWriter,
    private readonly checkpoints: Checkpoints,
    private readonly instance: InstanceService,
  ) {
    super();
    // What others have closed in our place must not be added to, nor shown.
    instance.lost.subscribe(() => this.replies.forEach((reply) => (reply.failure ??= leaseLost())));
  }

  open(messageId: string, { userId, instanceId, start, content }: ReplyToLog): void {
    this.journal.begin(messageId);
    const writer = { message_id: messageId, user_id: userId, instance_id: instanceId };
    this.checkpoints.begin(writer, content);
    const first = logged(messageId, 1, start);
    const reply: OpenReply = {
      log: new OpenLog((after, count) => eventsAfter({ messageId, start, content }, after, count)),
      underway: [],
      characters: 0,
      sequence: 1,
      unstored: [first],
      last: DONE,
      failure: this.instance.is(instanceId) ? undefined : leaseLost(),
    };
    reply.log.show([first]);
    this.replies.set(messageId, reply);
  }

  append(messageId: string, events: ReplyEvent[]): Promise<void> | undefined {
    const reply = this.replies.get(messageId);
    if (!reply) return undefined;
    const run = events.map((event) => logged(messageId, ++reply.sequence, event));
    // Also if it fails: they are in the message then, and are shown with it.
    reply.underway.push(...run);
    for (const { json } of run) reply.characters += json.length;
    if (reply.failure) return fail(reply.failure);
    this.store(reply, run);
    return this.isFull(reply) ? reply.last : undefined;
  }

  async settle(messageId: string): Promise<void> {
    await this.replies.get(messageId)?.last;
  }

  close(messageId: string, terminal: ReplyEvent): void {
    const reply = this.forget(messageId);
    this.journal.end(messageId);
    if (!reply) return;
    show(reply, reply.underway.length);
    reply.log.show([logged(messageId, reply.log.length + 1, terminal)]);
  }

  fail(messageId: string, error: ErrorEvent): void {
    const log = this.forget(messageId)?.log;
    log?.show([logged(messageId, log.length, error)]);
  }

  release(messageId: string): void {
    this.forget(messageId)?.log.end();
    this.journal.end(messageId);
  }

  read(
    messageId: string,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<void> | undefined {
    return this.replies.get(messageId)?.log.read(after, listener, signal);
  }

  private isFull({ underway, characters }: OpenReply): boolean {
    return (
      underway.length > REPLY_BOUNDS.eventsUnderway.limit ||
      characters > REPLY_BOUNDS.charactersUnderway.limit ||
      this.journal.full
    );
  }

  /** What is stored together is shown together. */
  private store(reply: OpenReply, run: LoggedEvent[]): void {
    const stored = this.journal.store(reply.unstored.length ? [...reply.unstored.splice(0), ...run] : run);
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

  private forget(messageId: string): OpenReply | undefined {
    const reply = this.replies.get(messageId);
    this.replies.delete(messageId);
    this.checkpoints.end(messageId);
    return reply;
  }
}

async function fail(reason: unknown): Promise<never> {
  throw reason;
}

function show(reply: OpenReply, count: number): void {
  const events = reply.underway.splice(0, count);
  for (const { json } of events) reply.characters -= json.length;
  reply.log.show(events);
}
