import { isNotFound } from '../../../errors/app-error';
import type { OpenRepliesService } from '../../../messages/open-replies.service';
import type { ReplyContent } from '../../../messages/reply-content';
import type { MessageHeader, MessagesService } from '../../../messages/messages.service';
import { decodePayload, type JournalEntry } from './journal-payload';
import { isFull, type JournalRepository } from './journal.repository';
import { LiveLog } from '../live-log';
import {
  deltaOf,
  errorEvent,
  eventsAfter,
  logged,
  startEvent,
  storedEvents,
  type LoggedEvent,
} from '../../events/event-codec';
import type { StartEvent } from '../../events/reply-event.dto';
import type { EventsListener } from '../reply-log';
import { DELETED } from '../../events/reply-outcome';

/** A reply without readers is kept so long: the next one need not have the journal read again. */
const LINGER_MS = 10_000;

interface FollowedReply {
  reply: MessageHeader;
  messageId: string;
  log: LiveLog;
  start: StartEvent;
  content: ReplyContent;
  /** The last batch that has been taken, or before which there is nothing to take. */
  batch: number;
  /** When it had readers last (`performance.now()`). */
  readAt: number;
}

/**
 * Open replies of another process, as its journal tells them: those that somebody reads here, and no others. One reading of the
 * journal serves all of them. A reply that is joined later is first read from its own first batch on; several that are joined in the
 * same moment are read together.
 */
export class JournalFollower {
  /** Followed as the journal grows. */
  private readonly following = new Map<string, FollowedReply>();
  /** Being caught up with, or about to be. */
  private readonly joining = new Map<string, FollowedReply>();
  private batch = 0;
  private catchingUp = false;

  constructor(
    private readonly instanceId: string,
    private readonly journal: JournalRepository,
    private readonly messages: MessagesService,
    private readonly openReplies: OpenRepliesService,
    /** Called when a reply has joined: `look` is wanted from now on. */
    private readonly onJoin: () => void,
  ) {}

  /** Somebody reads, or has read a moment ago. Forgets what nobody does. */
  get isNeeded(): boolean {
    const now = performance.now();
    for (const reply of this.following.values()) {
      if (reply.log.hasReaders) reply.readAt = now;
      else if (now - reply.readAt > LINGER_MS) this.following.delete(reply.messageId);
    }
    return this.following.size + this.joining.size > 0;
  }

  /** Hands on the events of a reply that this instance writes; at once where it is followed already. */
  async follow(
    reply: MessageHeader,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<void> {
    const tailed = this.following.get(reply.id) ?? this.joining.get(reply.id) ?? (await this.join(reply));
    await tailed?.log.subscribe(after, listener, signal);
  }

  /** What has come since the last look. The journal first: what it holds is of replies that were open until then. */
  async poll(): Promise<void> {
    // What fails is tried again at the next look.
    if (this.joining.size && !this.catchingUp) void this.catchUp().catch(() => undefined);
    if (!this.following.size) return;
    for (let more = true; more;) {
      const page = await this.journal.read(this.instanceId, this.batch);
      for (const { batch, payload } of page) {
        take(this.following, batch, decodePayload(payload));
        this.batch = batch;
      }
      more = isFull(page);
    }
    for (const id of await this.openReplies.notOpen([...this.following.keys()])) await this.finish(id);
  }

  /** Readers get what is there and leave. */
  stop(): void {
    for (const { log } of [...this.following.values(), ...this.joining.values()]) log.end();
  }

  /** Begins with the reply's last checkpoint. Undefined if it is not open any more. */
  private async join(reply: MessageHeader): Promise<FollowedReply | undefined> {
    const checkpoint = await this.openReplies.checkpointOf(reply.user_id, reply.id);
    const known = this.following.get(reply.id) ?? this.joining.get(reply.id);
    if (known ?? !checkpoint) return known;
    const { content, firstBatch } = checkpoint;
    const parts = { messageId: reply.id, start: startEvent(reply), content };
    const log = new LiveLog((after, count) => eventsAfter(parts, after, count), 1 + content.eventCount);
    const tailed = { ...parts, reply, log, batch: firstBatch - 1, readAt: performance.now() };
    this.joining.set(reply.id, tailed);
    this.onJoin();
    return tailed;
  }

  /** Reads the journal for those that have joined, until they are as far as the others. */
  private async catchUp(): Promise<void> {
    this.catchingUp = true;
    const group = new Map(this.joining);
    let after = Math.min(...Array.from(group.values(), ({ batch }) => batch));
    try {
      for (;;) {
        const page = await this.journal.read(this.instanceId, after);
        for (const { batch, payload } of page) take(group, batch, decodePayload(payload));
        after = page.at(-1)?.batch ?? after;
        // All that the others have taken is taken; what follows they take together.
        if (!page.length || (this.following.size && after >= this.batch)) break;
      }
    } finally {
      this.catchingUp = false;
    }
    if (!this.following.size) this.batch = after;
    for (const [id, tailed] of group) {
      this.joining.delete(id);
      this.following.set(id, tailed);
    }
  }

  private async finish(id: string): Promise<void> {
    const tailed = this.following.get(id);
    if (!tailed) return;
    tailed.log.publish(await this.rest(tailed.reply, tailed.log.length));
    this.following.delete(id);
  }

  private async rest(reply: MessageHeader, after: number): Promise<LoggedEvent[]> {
    try {
      return storedEvents(await this.messages.get(reply.user_id, reply.id), after);
    } catch (error) {
      if (isNotFound(error)) return [logged(reply.id, after + 1, errorEvent(DELETED))];
      throw error;
    }
  }
}

function take(
  replies: ReadonlyMap<string, FollowedReply>,
  batch: number,
  entries: readonly JournalEntry[],
): void {
  for (const { messageId, sequence, events } of entries) {
    const tailed = replies.get(messageId);
    // Batches before its first one are of no use to it, those up to its last one it has.
    if (!tailed || batch <= tailed.batch) continue;
    const known = tailed.log.length + 1 - sequence;
    // What follows a batch that could not be stored was never shown.
    if (known < 0) continue;
    const news = events.slice(known);
    for (const event of news) {
      const delta = deltaOf(event);
      if (delta) tailed.content.add(delta);
    }
    tailed.log.publish(news.map((event, i) => logged(messageId, sequence + known + i, event)));
  }
  for (const tailed of replies.values()) tailed.batch = Math.max(tailed.batch, batch);
}
