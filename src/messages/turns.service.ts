import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { ConversationsService, type Conversation } from '../conversations/conversations.service';
import type { ConversationFields } from '../conversations/conversation.types';
import { constraintOf } from '../database/database-error';
import { TransactionRunner } from '../database/transaction-runner';
import { InstanceService, leaseLost } from '../instances/instance.service';
import { messageNotFound, parentNotAReply, replyInProgress } from './message.errors';
import { MessageEntity } from './message.entity';
import { MessagesRepository, type ParentMessage } from './messages.repository';

/** A user's message, to be stored together with the reply that it opens. */
export interface TurnRequest {
  userId: string;
  /** Absent: a conversation is made, with these fields. */
  conversationId?: string;
  conversation?: ConversationFields;
  /** The reply it follows; absent: the end of the active path. */
  parentId?: string;
  content: string;
  /** Tokens of `content`. */
  tokens: number;
  /** The model that is to answer. */
  model: string;
  provider: string;
}

/** A stored user message and the open reply to it. */
export interface Turn {
  conversation: Conversation;
  userMessageId: string;
  messageId: string;
  sequence: number;
  model: string;
}

@Injectable()
export class TurnsService {
  constructor(
    private readonly db: TransactionRunner,
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesRepository,
    private readonly instance: InstanceService,
  ) {}

  /**
   * Stores the user message and opens the reply in one transaction.
   * @throws AppError `conversation_not_found`, `message_not_found` or `invalid_parent` for the parent,
   *   `reply_in_progress` while the conversation has an open reply.
   */
  async open(request: TurnRequest): Promise<Turn> {
    try {
      return await this.db.run(() => this.store(request));
    } catch (error) {
      // The index, not a look beforehand, says whether a reply is running.
      if (constraintOf(error) === 'uq_messages_streaming') throw replyInProgress();
      if (constraintOf(error) === 'fk_messages_instance') throw leaseLost(error);
      throw error;
    }
  }

  private async store(request: TurnRequest): Promise<Turn> {
    const { conversationId: id, userId } = request;
    const conversation = id
      ? await this.conversations.lock(userId, id)
      : await this.conversations.create(userId, request.conversation ?? {});
    const parent = await this.parent(conversation, request.parentId);
    const [userMessage, reply] = turnMessages(request, conversation, parent, this.instance.id);
    await this.messages.insert([userMessage, reply]);
    await this.conversations.recordTurn(conversation.id, {
      leafId: reply.id,
      sequence: reply.sequence,
      content: request.content,
      at: reply.created_at,
    });
    return {
      conversation,
      userMessageId: userMessage.id,
      messageId: reply.id,
      sequence: reply.sequence,
      model: request.model,
    };
  }

  private async parent(conversation: Conversation, asked?: string): Promise<ParentMessage | undefined> {
    const id = asked ?? conversation.active_leaf_id;
    if (!id) return undefined;
    const parent = await this.messages.findParent(conversation.id, id);
    if (!parent) throw messageNotFound();
    if (parent.role !== 'assistant') throw parentNotAReply();
    if (parent.status === 'streaming') throw replyInProgress();
    return parent;
  }
}

/** The two messages of a turn. A parent that has a child already begins a new branch. */
function turnMessages(
  request: TurnRequest,
  conversation: Conversation,
  parent: ParentMessage | undefined,
  instanceId: string,
): [MessageEntity, MessageEntity] {
  const now = new Date();
  const id = uuidv7();
  const common = {
    conversation_id: conversation.id,
    user_id: request.userId,
    branch_id: parent && !parent.has_children ? parent.branch_id : id,
    created_at: now,
    updated_at: now,
  };
  const depth = (parent?.depth ?? 0) + 1;
  const userMessage = message({
    ...common,
    id,
    parent_id: parent?.id ?? null,
    depth,
    sequence: conversation.last_sequence + 1,
    role: 'user',
    status: 'completed',
    parts: [{ type: 'text', text: request.content }],
    tokens: request.tokens,
  });
  const reply = message({
    ...common,
    id: uuidv7(),
    parent_id: id,
    depth: depth + 1,
    sequence: conversation.last_sequence + 2,
    role: 'assistant',
    status: 'streaming',
    parts: [],
    model: request.model,
    provider: request.provider,
    instance_id: instanceId,
  });
  return [userMessage, reply];
}

function message(fields: Partial<MessageEntity>): MessageEntity {
  return Object.assign(new MessageEntity(), fields);
}
