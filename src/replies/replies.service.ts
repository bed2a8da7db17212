import { Injectable } from '@nestjs/common';
import { ConversationsService } from '../conversations/conversations.service';
import { isNotFound } from '../errors/app-error';
import { isOpen, replyRef, type ConversationRef, type ReplyRef } from '../messages/message.types';
import { MessagesService, type HistoryMessage, type MessageHeader } from '../messages/messages.service';
import { QueueService } from '../messages/queue.service';
import {
  asInvalidResumeId,
  conversationGone,
  invalidResumeId,
  noReply,
  replyFailed,
  replyNotFound,
} from './reply.errors';
import { parseLastEventId, parseResumeSequence } from './read/event-id';
import type { LogReader } from './log/reply-log';
import { AFTER_LAST, ReplyReader, replyToRead } from './read/reply-reader';
import { ReplyCanceller } from './lifecycle/reply-canceller';

const NEVER_ABORTED = new AbortController().signal;
const ignoreEvents = () => undefined;

/** A finished reply and the user message that it answers. */
export interface FinishedTurn {
  reply: HistoryMessage;
  userMessage: HistoryMessage;
}

/** Reads, awaits and stops existing replies. Called by controllers and socket commands. */
@Injectable()
export class RepliesService {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
    private readonly reader: ReplyReader,
    private readonly canceller: ReplyCanceller,
    private readonly queue: QueueService,
  ) {}

  /** Log of a reply that this user has just started, from its first event. */
  read(reply: ReplyRef): LogReader {
    return (listener, signal) => this.reader.read(reply, 0, listener, signal);
  }

  /** Log of one reply after `lastEventId`; undefined if the reader has all of it, the terminal event included. */
  async resume(userId: string, messageId: string, lastEventId?: string): Promise<LogReader | undefined> {
    return this.logOf(await this.reply(userId, messageId), lastEventId);
  }

  /** Log of the reply that an event belongs to (`ofEvent`), after that event; undefined as in `resume`. */
  async resumeAfter(userId: string, eventId: string, conversation?: string): Promise<LogReader | undefined> {
    return this.logOf(await this.replyOfEvent(userId, eventId, conversation), eventId);
  }

  /** The reply that an event belongs to, which must be in the conversation if one is given by its id or key. */
  async ofEvent(userId: string, eventId: string, conversation?: string): Promise<ReplyRef> {
    return replyRef(await this.replyOfEvent(userId, eventId, conversation));
  }

  /**
   * Waits until the reply is closed.
   * @throws AppError with the reply's own code and the ids of both messages if it did not complete
   */
  async wait(ref: ReplyRef): Promise<FinishedTurn> {
    const { userId, messageId } = ref;
    await this.reader.read(ref, AFTER_LAST, ignoreEvents, NEVER_ABORTED);
    const reply = await this.messages.getWithSiblings(userId, messageId).catch(asGone);
    if (reply.error || isOpen(reply)) throw replyFailed(reply);
    const userMessage = await this.messages.getWithSiblings(userId, reply.parent_id ?? '');
    return { reply, userMessage };
  }

  /**
   * Stops the running reply, or the one that waits for a slot of its model, and returns it as it is then, or the last reply if there is
   * none. The next queued reply then starts.
   * @param conversation its id or key
   */
  async stopRunning(userId: string, conversation: string): Promise<HistoryMessage> {
    const conversationId = await this.conversations.idOf(userId, conversation);
    await this.conversations.get(userId, conversationId);
    const of = { userId, conversationId };
    const running = (await this.messages.runningReply(of)) ?? (await this.waitingForSlot(of));
    const reply = running ?? (await this.messages.lastReply(of));
    if (!reply) throw noReply();
    return this.cancel(reply);
  }

  /** Stops this reply, or removes it from the queue, and returns it as it is then. */
  async stop(userId: string, messageId: string): Promise<HistoryMessage> {
    return this.cancel(await this.reply(userId, messageId));
  }

  private async replyOfEvent(userId: string, eventId: string, conversation?: string): Promise<MessageHeader> {
    const id = conversation && (await this.conversations.idOf(userId, conversation));
    if (id) await this.conversations.get(userId, id);
    const { messageId } = parseLastEventId(eventId);
    const reply = await this.reply(userId, messageId).catch(asInvalidResumeId);
    if (id && reply.conversation_id !== id) throw invalidResumeId();
    return reply;
  }

  private async waitingForSlot({
    userId,
    conversationId,
  }: ConversationRef): Promise<MessageHeader | undefined> {
    if (!this.queue.hasLimits) return undefined;
    const first = await this.queue.first({ user_id: userId, conversation_id: conversationId });
    return first?.waitsForSlot ? this.messages.findHeader(userId, first.id) : undefined;
  }

  private async cancel(reply: MessageHeader): Promise<HistoryMessage> {
    await this.canceller.cancel(reply);
    return this.messages.getWithSiblings(reply.user_id, reply.id).catch(asGone);
  }

  private async logOf(reply: MessageHeader, lastEventId?: string): Promise<LogReader | undefined> {
    const after = parseResumeSequence(lastEventId, reply.id);
    if (await this.reader.hasAll(reply, after)) return undefined;
    return (listener, signal) => this.reader.read(replyToRead(reply), after, listener, signal);
  }

  private async reply(userId: string, messageId: string): Promise<MessageHeader> {
    const message = await this.messages.header(userId, messageId);
    if (message.role !== 'assistant') throw replyNotFound();
    return message;
  }
}

function asGone(error: unknown): never {
  throw isNotFound(error) ? conversationGone() : error;
}
