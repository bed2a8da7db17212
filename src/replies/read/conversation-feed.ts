import { Injectable, Logger } from '@nestjs/common';
import { filter, merge, type Observable } from 'rxjs';
import { ConversationsService, type Conversation } from '../../conversations/conversations.service';
import { isNotFound } from '../../errors/app-error';
import { detached } from '../../logging/detached';
import { MessagesService, type MessageHeader } from '../../messages/messages.service';
import { asInvalidResumeId, invalidResumeId } from '../reply.errors';
import { parseLastEventId } from './event-id';
import { RemoteTurnWatcher } from '../cluster/remote-turn-watcher';
import type { EventsListener, LogReader } from '../log/reply-log';
import { ReplyReader } from './reply-reader';
import { ActiveReplies } from '../produce/active-replies';
import { Wakeup } from '../../common/wakeup';

/** How long after a look that failed a feed looks again. */
const RETRY_MS = 5_000;
const BATCH = 20;

/** Where a feed begins: in a reply, or before those that follow a sequence. */
interface Beginning {
  reply?: { message: MessageHeader; after: number };
  sequence: number;
}

interface Look {
  conversation: Conversation;
  replies: MessageHeader[];
  failed?: boolean;
}

/** A look that is underway, for every feed of the conversation that has seen as much. */
interface SharedLook {
  sequence: number;
  /** Undefined if the conversation is gone. */
  found: Promise<Look | undefined>;
}

/** All replies of a conversation as they come, one after the other. */
@Injectable()
export class ConversationFeed {
  private readonly logger = new Logger(ConversationFeed.name);
  /** By conversation. */
  private readonly looks = new Map<string, SharedLook>();

  constructor(
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
    private readonly reader: ReplyReader,
    private readonly running: ActiveReplies,
    private readonly elsewhere: RemoteTurnWatcher,
  ) {}

  /**
   * The running reply from its start, or the rest of the one that `lastEventId` is of, then every later reply. It ends
   * only with the conversation, the process or the reader.
   */
  async open(userId: string, conversationId: string, lastEventId?: string): Promise<LogReader> {
    const conversation = await this.conversations.get(userId, conversationId);
    const beginning = lastEventId
      ? await this.after(userId, conversationId, lastEventId)
      : await this.now(conversation);
    return (listener, signal) => this.follow(conversation, beginning, listener, signal);
  }

  private async now({ id }: Conversation): Promise<Beginning> {
    const running = await this.messages.runningReply(id);
    if (running) return { reply: { message: running, after: 0 }, sequence: running.sequence };
    const last = await this.messages.lastReply(id);
    // What is queued comes after it.
    return { sequence: last?.sequence ?? 0 };
  }

  private async after(userId: string, conversationId: string, lastEventId: string): Promise<Beginning> {
    const { messageId, sequence } = parseLastEventId(lastEventId);
    const message = await this.messages.header(userId, messageId).catch(asInvalidResumeId);
    if (message.conversation_id !== conversationId || message.role !== 'assistant') throw invalidResumeId();
    return { reply: { message, after: sequence }, sequence: message.sequence };
  }

  private async follow(
    conversation: Conversation,
    { reply, sequence }: Beginning,
    listener: EventsListener,
    signal: AbortSignal,
  ): Promise<void> {
    if (reply) await this.reader.read(reply.message, reply.after, listener, signal);
    let known = conversation;
    const wakeup = new Wakeup();
    const news = this.newsOf(conversation.id, () => known.last_sequence).subscribe(() => {
      // It may have been too early to see this.
      this.looks.delete(conversation.id);
      wakeup.wake();
    });
    signal.addEventListener('abort', wakeup.wake);
    try {
      for (let seen = sequence; !signal.aborted && !this.running.closed;) {
        const found = await this.look(known, seen);
        if (!found) return;
        known = found.conversation;
        for (const next of found.replies) {
          seen = next.sequence;
          await this.reader.read(next, 0, listener, signal);
        }
        if (!found.replies.length) await wakeup.wait(found.failed ? RETRY_MS : undefined);
      }
    } finally {
      // Also where the reader had left before.
      news.unsubscribe();
      signal.removeEventListener('abort', wakeup.wake);
    }
  }

  /** Emits whenever there may be a further reply, or none any more. */
  private newsOf(conversationId: string, seen: () => number): Observable<unknown> {
    return merge(
      this.running.started.pipe(filter((reply) => reply.conversationId === conversationId)),
      this.conversations.deletions.pipe(filter((id) => id === conversationId)),
      this.elsewhere.changesIn(conversationId, seen),
      this.running.closing,
    );
  }

  private look(conversation: Conversation, sequence: number): Promise<Look | undefined> {
    const underway = this.looks.get(conversation.id);
    if (underway?.sequence === sequence) return underway.found;
    const found = detached(() => this.find(conversation, sequence)).finally(() => {
      if (this.looks.get(conversation.id) === look) this.looks.delete(conversation.id);
    });
    const look = { sequence, found };
    this.looks.set(conversation.id, look);
    return found;
  }

  private async find(conversation: Conversation, sequence: number): Promise<Look | undefined> {
    const { id, user_id } = conversation;
    try {
      const now = await this.conversations.get(user_id, id);
      return { conversation: now, replies: await this.messages.repliesAfter(id, sequence, BATCH) };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      this.logger.warn({ err: error }, 'A feed could not look for replies; it tries again');
      return { conversation, replies: [], failed: true };
    }
  }
}
