import { Injectable } from '@nestjs/common';
import type { ReplyRef } from '../messages/message.types';
import type { Message } from '../messages/messages.service';
import { textOf } from '../messages/content/reply-content';
import { notAUserMessage, replyComplete, replyNotFound } from '../replies/reply.errors';
import { SendMessage } from './send-message';
import type { ReplyOptions, RequestContext, UserMessageInput } from './turn-command';

/**
 * The turns that a user can ask for, each as a `TurnCommand` for `SendMessage`, and each returning its reply. A message that
 * is passed in must have been read as the user's own. Nothing is overwritten: new versions are siblings.
 */
@Injectable()
export class ReplyActions {
  constructor(private readonly sender: SendMessage) {}

  /** Stores a user message and replies to it. Errors: see `SendMessage.send`. */
  sendMessage(context: RequestContext, input: UserMessageInput): Promise<ReplyRef> {
    const { conversation_id: conversationId, parent_id: parentId, content, ...options } = input;
    return this.sender.send(context, { conversationId, parentId, content, options });
  }

  /** A further reply to the user message that this reply answers. @throws AppError `message_not_found` for a user message */
  async regenerate(context: RequestContext, reply: Message, options: ReplyOptions): Promise<ReplyRef> {
    assertReply(reply);
    const { conversation_id: conversationId, parent_id: parentId } = reply;
    return this.sender.send(context, { conversationId, parentId, options });
  }

  /** A new version of a user message, and a reply to it. @throws AppError `not_a_user_message` */
  async edit(
    context: RequestContext,
    message: Message,
    { content, ...options }: ReplyOptions & { content: string },
  ): Promise<ReplyRef> {
    if (message.role !== 'user') throw notAUserMessage();
    const { conversation_id: conversationId, parent_id: parentId } = message;
    return this.sender.send(context, { conversationId, parentId, content, options });
  }

  /** A version of an unfinished reply that starts with its text and continues it. @throws AppError `reply_complete` */
  async continue(context: RequestContext, reply: Message, options: ReplyOptions): Promise<ReplyRef> {
    assertReply(reply);
    if (!isUnfinished(reply)) throw replyComplete();
    const { conversation_id: conversationId, parent_id: parentId, parts: prefix } = reply;
    return this.sender.send(context, { conversationId, parentId, prefix, options });
  }
}

function assertReply({ role }: Message): void {
  if (role !== 'assistant') throw replyNotFound();
}

/** Whether a reply can be continued: it did not end by itself. A failed one must have text, and one that a filter refused would be refused again. */
function isUnfinished({ status, finish_reason, error, parts }: Message): boolean {
  if (status === 'completed') return finish_reason === 'length';
  if (status === 'failed') return textOf(parts) !== '' && error?.code !== 'content_filter';
  return status === 'stopped' || status === 'interrupted';
}
