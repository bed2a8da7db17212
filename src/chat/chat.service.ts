import { Injectable } from '@nestjs/common';
import type { Message } from '../messages/messages.service';
import { cannotGoOn, notAUserMessage, replyNotFound } from './chat.errors';
import { TurnStarter, type Caller, type ReplyWishes } from './turn-starter';

/** A user's message. */
export interface SaidMessage extends ReplyWishes {
  conversation_id?: string;
  parent_id?: string;
  content: string;
}

/**
 * What a user can say and ask for. Each answers the id of the reply that it has begun. Messages that are named must have been read
 * as the user's. Nothing is ever overwritten: versions are siblings.
 */
@Injectable()
export class ChatService {
  constructor(private readonly turns: TurnStarter) {}

  /**
   * Stores the message and starts the reply. All that can be refused is refused here, before anything is stored.
   * @throws AppError `conversation_not_found`, `message_not_found`, `invalid_parent`, `model_not_found`,
   *   `context_length_exceeded`, `reply_in_progress`
   */
  async say(caller: Caller, said: SaidMessage): Promise<string> {
    const { conversation_id: id, content, parent_id } = said;
    return this.turns.start(caller, { conversationId: id, content, parentId: parent_id }, said);
  }

  /** Replies once more to what this reply answers. */
  async regenerate(caller: Caller, reply: Message, wishes: ReplyWishes): Promise<string> {
    assertReply(reply);
    const { conversation_id: conversationId, parent_id: parentId } = reply;
    return this.turns.start(caller, { conversationId, parentId }, wishes);
  }

  /** Says something else in place of a user's message. */
  async edit(caller: Caller, message: Message, said: ReplyWishes & { content: string }): Promise<string> {
    if (message.role !== 'user') throw notAUserMessage();
    const { conversation_id: conversationId, parent_id: parentId } = message;
    return this.turns.start(caller, { conversationId, content: said.content, parentId }, said);
  }

  /** Goes on with a reply that was stopped, interrupted or cut: a version of it that begins with its text. */
  async continue(caller: Caller, reply: Message, wishes: ReplyWishes): Promise<string> {
    assertReply(reply);
    if (!isUnfinished(reply)) throw cannotGoOn();
    const { conversation_id: conversationId, parent_id: parentId, parts: begun } = reply;
    return this.turns.start(caller, { conversationId, parentId, begun }, wishes);
  }
}

function assertReply({ role }: Message): void {
  if (role !== 'assistant') throw replyNotFound();
}

function isUnfinished({ status, finish_reason }: Message): boolean {
  return (
    status === 'stopped' || status === 'interrupted' || (status === 'completed' && finish_reason === 'length')
  );
}
