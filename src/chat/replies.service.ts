import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConversationsService } from '../conversations/conversations.service';
import { isNotFound } from '../errors/app-error';
import { MessagesService, type HistoryMessage, type Message } from '../messages/messages.service';
import {
  asInvalidResumeId,
  conversationGone,
  invalidResumeId,
  noReply,
  replyFailed,
  replyNotFound,
} from './chat.errors';
import { parseLastEventId, parsePlace } from './last-event-id';
import type { OpenedLog } from './reply/reply-log';
import { ReplyReader } from './reply/reply-reader';
import { RunningReplies } from './reply/running-replies';

/** How long a stop looks for a reply that is open but does not run here. */
const STOP_LOOKS = 100;
const STOP_LOOK_MS = 20;

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
    private readonly running: RunningReplies,
  ) {}

  /** The log of the turn's reply, from its start. */
  async read(userId: string, messageId: string): Promise<OpenedLog> {
    const reply = await this.messages.get(userId, messageId);
    return (signal) => this.reader.read(reply, 0, signal);
  }

  /** One reply's log after a place; undefined if the reader has all of it, the terminal event included. */
  async resume(userId: string, messageId: string, place?: string): Promise<OpenedLog | undefined> {
    const reply = await this.reply(userId, messageId);
    const after = parsePlace(place, reply.id);
    if (this.reader.hasAll(reply, after)) return undefined;
    return (signal) => this.reader.read(reply, after, signal);
  }

  /** The reply that an event is of, which must be in this conversation where one is named. */
  async ofEvent(userId: string, eventId: string, conversationId?: string): Promise<Message> {
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
    await this.running.finished(messageId);
    const reply = await this.messages.getWithSiblings(userId, messageId).catch(asGone);
    if (reply.error || reply.status === 'streaming') throw replyFailed(reply);
    const userMessage = await this.messages.getWithSiblings(userId, reply.parent_id ?? '');
    return { reply, userMessage };
  }

  /** Stops what runs and answers the conversation's last reply, however it ended. */
  async stop(userId: string, conversationId: string): Promise<HistoryMessage> {
    await this.conversations.get(userId, conversationId);
    const reply = await this.stopped(conversationId);
    if (!reply) throw noReply();
    return this.messages.getWithSiblings(userId, reply.id);
  }

  /** A reply is stored a moment before it runs: one that is open and not found running is looked for again. */
  private async stopped(conversationId: string): Promise<Message | undefined> {
    for (let looks = 1; ; looks++) {
      await this.running.stopConversation(conversationId, 'stopped');
      const reply = await this.messages.lastReply(conversationId);
      if (reply?.status !== 'streaming' || looks === STOP_LOOKS) return reply;
      await sleep(STOP_LOOK_MS);
    }
  }

  private async reply(userId: string, messageId: string): Promise<Message> {
    const message = await this.messages.get(userId, messageId);
    if (message.role !== 'assistant') throw replyNotFound();
    return message;
  }
}

function asGone(error: unknown): never {
  throw isNotFound(error) ? conversationGone() : error;
}
