import { Injectable, Logger } from '@nestjs/common';
import { merge, type Observable } from 'rxjs';
import { ConversationsService, type Conversation } from '../../conversations/conversations.service';
import { isNotFound } from '../../errors/app-error';
import { detached } from '../../common/detached';
import { isOpen } from '../../messages/message.types';
import { MessagesService, type MessageHeader } from '../../messages/messages.service';
import { invalidResumeId } from '../reply.errors';
import { parseLastEventId } from './event-id';
import { RemoteTurnWatcher } from '../cluster/remote-turn-watcher';
import { titleNotice } from '../events/event-codec';
import type { EventsListener, LogReader } from '../log/reply-log';
import { InterleavedListener } from './interleaved-listener';
import { ReplyReader, replyToRead } from './reply-reader';
import { ShownEnds } from './shown-ends';
import { Wakeup } from '../../common/wakeup';

/** Delay after which a feed repeats a query that failed. */
const RETRY_MS = 5_000;
const BATCH = 20;

/** Start of a feed: in a reply, or with the replies after a sequence. */
interface FeedStart {
  reply?: { message: MessageHeader; after: number };
  sequence: number;
}

/** Result of one query. */
interface NewReplies {
  conversation: Conversation;
  replies: MessageHeader[];
  failed?: boolean;
}

/** A query in flight, shared by the feeds of the conversation that are at the same sequence. */
interface SharedQuery {
  sequence: number;
  /** Undefined if the conversation has been deleted. */
  result: Promise<NewReplies | undefined>;
}

/** Streams all replies of a conversation as they come, one after the other. Called by `NamedFeed`. */
@Injectable()
export class ConversationFeed {
  private readonly logger = new Logger(ConversationFeed.name);
  /** Queries in flight by conversation id. */
  private readonly queries = new Map<string, SharedQuery>();

  constructor(
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
    private readonly reader: ReplyReader,
    private readonly turns: RemoteTurnWatcher,
    private readonly shownEnds: ShownEnds,
  ) {}

  /**
   * Log of the running reply from its start, or of one that has just ended and that no feed has shown to its end, or of the rest of the one
   * that `lastEventId` belongs to, then of every later reply. It ends only with the conversation, the process or the reader.
   * @throws AppError `invalid_last_event_id`
   */
  async open(conversation: Conversation, lastEventId?: string): Promise<LogReader> {
    const start = lastEventId
      ? await this.startAfter(conversation, lastEventId)
      : await this.currentStart(conversation);
    return this.logFrom(conversation, start);
  }

  /** Log of every reply that the conversation has and gets. */
  all(conversation: Conversation): LogReader {
    return this.logFrom(conversation, { sequence: 0 });
  }

  private logFrom(conversation: Conversation, start: FeedStart): LogReader {
    return async (listener, signal) => {
      const { accept } = new InterleavedListener(listener);
      const untold = this.tellTitles(conversation, accept, signal);
      try {
        await this.follow(conversation, start, accept, signal);
      } finally {
        untold();
      }
    };
  }

  private async currentStart({ id, user_id }: Conversation): Promise<FeedStart> {
    const of = { userId: user_id, conversationId: id };
    const running = await this.messages.runningReply(of);
    if (running) return { reply: { message: running, after: 0 }, sequence: running.sequence };
    const last = await this.messages.lastReply(of);
    // Queued replies come after the last one that is not queued.
    const sequence = last?.sequence ?? 0;
    // An open one was started after the query for the running reply.
    return last && (isOpen(last) || this.shownEnds.isDue(last))
      ? { reply: { message: last, after: 0 }, sequence }
      : { sequence };
  }

  private async startAfter({ id, user_id }: Conversation, lastEventId: string): Promise<FeedStart> {
    const { messageId, sequence } = parseLastEventId(lastEventId);
    const message = await this.messages.header(user_id, messageId).catch(asAbsent);
    if (!message) {
      const removed = await this.conversations.sequenceOfRemoved(user_id, id, messageId);
      if (removed === undefined) throw invalidResumeId();
      return { sequence: removed };
    }
    if (message.conversation_id !== id || message.role !== 'assistant') throw invalidResumeId();
    return { reply: { message, after: sequence }, sequence: message.sequence };
  }

  private async follow(
    conversation: Conversation,
    { reply, sequence }: FeedStart,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<void> {
    if (reply) await this.show(reply.message, reply.after, listener, signal);
    let known = conversation;
    const wakeup = new Wakeup();
    const subscription = this.changesOf(conversation, () => known.last_sequence).subscribe(() => {
      // A query in flight may have been too early to see the change.
      this.queries.delete(conversation.id);
      wakeup.wake();
    });
    signal.addEventListener('abort', wakeup.wake);
    try {
      for (let seen = sequence; !signal.aborted && !this.reader.closed;) {
        const result = await this.query(known, seen);
        if (!result) return;
        known = result.conversation;
        for (const next of result.replies) {
          seen = next.sequence;
          await this.show(next, 0, listener, signal);
        }
        if (!result.replies.length) await wakeup.wait(result.failed ? RETRY_MS : undefined);
      }
    } finally {
      // Needed even if the reader had disconnected before.
      subscription.unsubscribe();
      signal.removeEventListener('abort', wakeup.wake);
    }
  }

  private async show(
    reply: MessageHeader,
    after: number,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<void> {
    await this.reader.read(replyToRead(reply), after, listener, signal);
    if (!signal.aborted && !this.reader.closed) this.shownEnds.add(reply.id);
  }

  /** Sends titles that the service gives from now on, even in the middle of a reply. Returns a function that ends this. */
  private tellTitles(
    { id, user_id, title: known }: Conversation,
    listener: EventsListener,
    signal: AbortSignal,
  ): () => void {
    let told = known;
    let ended = false;
    const tell = async () => {
      const { title, title_source } = await this.conversations.get(user_id, id);
      // A title from first words is sent only if it replaces one that was taken back; the first title of a conversation is in the turn's answer.
      const isNews = title_source === 'model' || (title_source === 'auto' && told !== null);
      if (ended || signal.aborted || !title || title === told || !isNews) return;
      told = title;
      await listener([titleNotice(id, title)]);
    };
    // A reader that misses the event finds the title in the conversation.
    const unsubscribe = this.turns.onTitle(id, () => void tell().catch(() => undefined));
    return () => {
      ended = true;
      unsubscribe();
    };
  }

  /** Emits whenever there may be a new reply, or when there will be none any more. */
  private changesOf(conversation: Conversation, seen: () => number): Observable<unknown> {
    return merge(this.turns.changesIn(conversation, seen), this.reader.closed$);
  }

  private query(conversation: Conversation, sequence: number): Promise<NewReplies | undefined> {
    const inFlight = this.queries.get(conversation.id);
    if (inFlight?.sequence === sequence) return inFlight.result;
    const result = detached(() => this.find(conversation, sequence)).finally(() => {
      if (this.queries.get(conversation.id) === query) this.queries.delete(conversation.id);
    });
    const query = { sequence, result };
    this.queries.set(conversation.id, query);
    return result;
  }

  private async find(conversation: Conversation, sequence: number): Promise<NewReplies | undefined> {
    const { id, user_id } = conversation;
    try {
      const now = await this.conversations.get(user_id, id);
      const of = { userId: user_id, conversationId: id };
      return { conversation: now, replies: await this.messages.repliesAfter(of, sequence, BATCH) };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      this.logger.warn({ err: error }, 'A feed could not look for replies; it tries again');
      return { conversation, replies: [], failed: true };
    }
  }
}

function asAbsent(error: unknown): undefined {
  if (isNotFound(error)) return undefined;
  throw error;
}
