import { Injectable } from '@nestjs/common';
import { ConversationsService } from '../conversations/conversations.service';
import { isNotFound } from '../errors/app-error';
import { isOpen } from '../messages/message.types';
import { MessagesService, type HistoryMessage, type MessageHeader } from '../messages/messages.service';
import {
  asInvalidResumeId,
  conversationGone,
  invalidResumeId,
  noReply,
  replyFailed,
  replyNotFound,
} from './reply.errors';
import { parseLastEventId, parsePlace } from './read/event-id';
import type { LogReader } from './log/reply-log';
import { AFTER_LAST, ReplyReader } from './read/reply-reader';
import { ReplyCanceller } from './lifecycle/reply-canceller';

const NEVER = new AbortController().signal;
const ignored = () => undefined;

/** A turn that is over. */
export interface FinishedTurn {
  reply: HistoryMessage;
  userMessage: HistoryMessage;
}

/** What can be done with replies that are there: read them, wait for them, stop them. */
@Injectable()
export class RepliesService {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
    private readonly reader: ReplyReader,
    private readonly stopper: ReplyCanceller,
  ) {}

  /** The log of a reply that this user has just begun, from its start. */
  read(userId: string, messageId: string): LogReader {
    return (listener, signal) => this.reader.read({ id: messageId, user_id: userId }, 0, listener, signal);
  }

  /** One reply's log after a place; undefined if the reader has all of it, the terminal event included. */
  async resume(userId: string, messageId: string, place?: string): Promise<LogReader | undefined> {
    return this.logOf(await this.reply(userId, messageId), place);
  }

  /** The same of the reply that an event is of (`ofEvent`), after that event. */
  async resumeAfter(
    userId: string,
    eventId: string,
    conversationId?: string,
  ): Promise<LogReader | undefined> {
    return this.logOf(await this.ofEvent(userId, eventId, conversationId), eventId);
  }

  /** The reply that an event is of, which must be in this conversation where one is named. */
  async ofEvent(userId: string, eventId: string, conversationId?: string): Promise<MessageHeader> {
    if (conversationId) await this.conversations.get(userId, conversationId);
    const { messageId } = parseLastEventId(eventId);
    const reply = await this.reply(userId, messageId).catch(asInvalidResumeId);
    if (conversationId && reply.conversation_id !== conversationId) throw invalidResumeId();
    return reply;
  }

  /**
   * Waits until the reply is over.
   * @throws AppError with the reply's own code and the ids of both messages if it did not complete
   */
  async wait(userId: string, messageId: string): Promise<FinishedTurn> {
    await this.reader.read({ id: messageId, user_id: userId }, AFTER_LAST, ignored, NEVER);
    const reply = await this.messages.getWithSiblings(userId, messageId).catch(asGone);
    if (reply.error || isOpen(reply)) throw replyFailed(reply);
    const userMessage = await this.messages.getWithSiblings(userId, reply.parent_id ?? '');
    return { reply, userMessage };
  }

  /** Stops what runs, and answers it as it is then; the last reply if none runs. What is queued comes next. */
  async stopRunning(userId: string, conversationId: string): Promise<HistoryMessage> {
    await this.conversations.get(userId, conversationId);
    const running = await this.messages.runningReply(conversationId);
    const reply = running ?? (await this.messages.lastReply(conversationId));
    if (!reply) throw noReply();
    return this.stopped(reply);
  }

  /** Stops this reply, or takes it out of the queue, and answers it as it is then. */
  async stop(userId: string, messageId: string): Promise<HistoryMessage> {
    return this.stopped(await this.reply(userId, messageId));
  }

  private async stopped(reply: MessageHeader): Promise<HistoryMessage> {
    await this.stopper.cancel(reply);
    return this.messages.getWithSiblings(reply.user_id, reply.id).catch(asGone);
  }

  private async logOf(reply: MessageHeader, place?: string): Promise<LogReader | undefined> {
    const after = parsePlace(place, reply.id);
    if (await this.reader.hasAll(reply, after)) return undefined;
    return (listener, signal) => this.reader.read(reply, after, listener, signal);
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
