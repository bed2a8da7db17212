import { setImmediate as nextTurn } from 'node:timers/promises';
import { isNotFound } from '../../../errors/app-error';
import type { OpenRepliesService } from '../../../messages/open-replies.service';
import type { ReplyContent } from '../../../messages/content/reply-content';
import { replyRef, type ReplyRef } from '../../../messages/message.types';
import type { MessagesService } from '../../../messages/messages.service';
import { decodeReadable, type JournalEntry } from './journal-payload';
import { isFull, type JournalRepository } from './journal.repository';
import { LiveLog } from '../live-log';
import {
  deltaOf,
  errorEvent,
  eventsAfter,
  logged,
  startEvent,
  StoredLogCursor,
  type LoggedEvent,
} from '../../events/event-codec';
import type { StartEvent } from '../../events/reply-event.dto';
import type { Signals } from '../../../signals/signals';
import { replyTopic } from '../../../signals/topics';
import type { EventsListener, ReadEnd } from '../reply-log';
import { DELETED } from '../../events/reply-outcome';

/** Time for which a reply without readers is kept, so that the journal need not be read again for the next reader. */
const LINGER_MS = 10_000;

interface FollowedReply {
  reply: ReplyRef;
  messageId: string;
  log: LiveLog;
  start: StartEvent;
  content: ReplyContent;
  /** Last batch that was applied; at first the one before the first batch that the reply needs. */
  batch: number;
  /** Time when it last had readers (`performance.now()`). */
  readAt: number;
}

/** Sources that a follower reads. */
interface Sources {
  journal: JournalRepository;
  messages: MessagesService;
  openReplies: OpenRepliesService;
}

/**
 * Follows the open replies of one other process in its journal, but only those that have readers here. One pass over the journal
 * serves all of them. A reply that joins later is first read from its own first batch on; several that join at the same moment are
 * read together. Called by `JournalFollowers`.
 */
export class JournalFollower {
  /** Replies that `poll` extends as the journal grows. */
  private readonly following = new Map<string, FollowedReply>();
  /** Replies that `catchUp` is reading, or is about to read. */
  private readonly joining = new Map<string, FollowedReply>();
  private batch = 0;
  private catchingUp = false;

  constructor(
    private readonly instanceId: string,
    private readonly from: Sources,
    private readonly signals: Signals,
    /** Called when a reply has joined: `poll` is needed from now on. */
    private readonly onJoin: () => void,
  ) {}

  /** Whether any reply is joining, has readers, or had some within `LINGER_MS`. Forgets the others. */
  get isNeeded(): boolean {
    const now = performance.now();
    for (const reply of this.following.values()) {
      if (reply.log.hasReaders) reply.readAt = now;
      else if (now - reply.readAt > LINGER_MS) this.following.delete(reply.messageId);
    }
    return this.following.size + this.joining.size > 0;
  }

  /** Delivers the events of a reply that the instance writes; at once if the reply is followed already. */
  async read(
    reply: ReplyRef,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<ReadEnd> {
    const { messageId: id } = reply;
    const followed = this.following.get(id) ?? this.joining.get(id) ?? (await this.join(reply));
    return followed ? followed.log.subscribe(after, listener, signal) : 'see-message';
  }

  /** Applies the batches since the last poll, and only then ends the logs of closed replies, whose other events are in their messages. */
  async poll(): Promise<void> {
    // A failure is retried at the next poll.
    if (this.joining.size && !this.catchingUp) void this.catchUp().catch(() => undefined);
    if (!this.following.size) return;
    for (let more = true; more;) {
      const page = await this.from.journal.read(this.instanceId, this.batch);
      for (const { batch, payload } of page) {
        applyBatch(this.following, batch, decodeReadable(payload));
        this.batch = batch;
      }
      more = isFull(page);
    }
    const replies = Array.from(this.following.values(), ({ reply }) => reply);
    for (const id of await this.from.openReplies.notOpen(replies)) await this.finish(id);
  }

  /** Ends all logs: readers get the events that are there, then their subscription settles. */
  stop(): void {
    for (const { log } of [...this.following.values(), ...this.joining.values()]) log.detach();
  }

  /** Follows a reply from its last checkpoint. Undefined if it is no longer open. */
  private async join(reply: ReplyRef): Promise<FollowedReply | undefined> {
    const { userId, messageId } = reply;
    const { openReplies, messages } = this.from;
    const [checkpoint, message] = await Promise.all([
      openReplies.checkpointOf(reply),
      messages.findHeader(userId, messageId),
    ]);
    const known = this.following.get(messageId) ?? this.joining.get(messageId);
    if (known || !checkpoint || !message) return known;
    const { content, firstBatch } = checkpoint;
    const parts = { messageId, start: startEvent(message), content };
    const log = new LiveLog((after, count) => eventsAfter(parts, after, count), 1 + content.eventCount);
    const followed = {
      ...parts,
      reply: replyRef(message),
      log,
      batch: firstBatch - 1,
      readAt: performance.now(),
    };
    this.joining.set(messageId, followed);
    this.onJoin();
    return followed;
  }

  /** Reads the journal for the replies that have joined, until they are as far as the others. */
  private async catchUp(): Promise<void> {
    this.catchingUp = true;
    const group = new Map(this.joining);
    let after = Math.min(...Array.from(group.values(), ({ batch }) => batch));
    try {
      for (;;) {
        const page = await this.from.journal.read(this.instanceId, after);
        for (const { batch, payload } of page) applyBatch(group, batch, decodeReadable(payload));
        after = page.at(-1)?.batch ?? after;
        // The group has every batch that the others have; later batches are applied to all of them together.
        if (!page.length || (this.following.size && after >= this.batch)) break;
      }
    } finally {
      this.catchingUp = false;
    }
    if (!this.following.size) this.batch = after;
    for (const [id, followed] of group) {
      this.joining.delete(id);
      this.following.set(id, followed);
    }
  }

  private async finish(id: string): Promise<void> {
    const followed = this.following.get(id);
    if (!followed) return;
    await this.publishRest(followed);
    this.following.delete(id);
    this.signals.publish(replyTopic(id));
  }

  /** Publishes the events that readers have not been shown, from the message, which has all of them now. In batches, as there may be very many. */
  private async publishRest({ reply, log, content }: FollowedReply): Promise<void> {
    try {
      const message = await this.from.messages.get(reply.userId, reply.messageId);
      const cursor = new StoredLogCursor(log.length);
      for (let batch = cursor.next(message); batch.length; batch = cursor.next(message)) {
        for (const { event } of batch) addTo(content, event);
        log.publish(batch);
        await nextTurn();
      }
    } catch (error) {
      if (!isNotFound(error)) throw error;
      log.publish([logged(reply.messageId, log.length + 1, errorEvent(DELETED))]);
    }
  }
}

function addTo(content: ReplyContent, event: LoggedEvent['event']): void {
  const delta = deltaOf(event);
  if (delta) content.add(delta);
}

function applyBatch(
  replies: ReadonlyMap<string, FollowedReply>,
  batch: number,
  entries: readonly JournalEntry[],
): void {
  for (const { messageId, sequence, events } of entries) {
    const followed = replies.get(messageId);
    // Batches before the first one of the reply, and those that it has already, are skipped.
    if (!followed || batch <= followed.batch) continue;
    const known = followed.log.length + 1 - sequence;
    // Events after a batch that could not be stored were never shown.
    if (known < 0) continue;
    const newEvents = events.slice(known);
    for (const event of newEvents) addTo(followed.content, event);
    followed.log.publish(newEvents.map((event, i) => logged(messageId, sequence + known + i, event)));
  }
  for (const followed of replies.values()) followed.batch = Math.max(followed.batch, batch);
}
