import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { ConversationsService, type Conversation } from '../conversations/conversations.service';
import type { ConversationFields } from '../conversations/conversation.types';
import { constraintOf } from '../database/database-error';
import { TransactionRunner } from '../database/transaction-runner';
import { InstanceService, leaseLost } from '../instances/instance.service';
import { messageNotFound, parentNotAReply, queueFull, replyInProgress } from './message.errors';
import { MessageEntity } from './message.entity';
import { isOpen, type QueuedRequest } from './message.types';
import { MessagesRepository, type ParentMessage } from './messages.repository';
import { QueueRepository } from './queue.repository';

/** What the user says, if anything, and who is to reply. */
export interface TurnRequest {
  userId: string;
  /** Absent: a conversation is made, with the fields of `conversation`. */
  conversationId?: string;
  conversation?: ConversationFields;
  /** The message that this follows; null at the beginning, absent at the end of the active path. */
  parentId?: string | null;
  /** Absent: a further reply to the parent. */
  content?: string;
  /** Tokens of `content`. */
  tokens: number;
  /** The model that is to answer. */
  model: string;
  provider: string;
  /** What the reply is made with if it has to wait; absent: it does not wait, but is refused. */
  queued?: QueuedRequest;
}

/** A conversation that takes no more than this many messages ahead. */
const MAX_QUEUED = 20;

/** A stored user message and the open reply to it. */
export interface Turn {
  conversation: Conversation;
  userMessageId: string;
  messageId: string;
  model: string;
  /** It waits for its turn. */
  queued: boolean;
}

@Injectable()
export class TurnsService {
  constructor(
    private readonly db: TransactionRunner,
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesRepository,
    private readonly queue: QueueRepository,
    private readonly instance: InstanceService,
  ) {}

  /**
   * Stores what the user says, if anything, and opens the reply, in one transaction.
   * @throws AppError `conversation_not_found`, `message_not_found` or `invalid_parent` for the place,
   *   `reply_in_progress` while the conversation has an open reply, `queue_full` while it has too many.
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
    const conversation = await this.conversation(request);
    const queued = request.queued && (await this.mustWait(conversation)) ? request.queued : undefined;
    const parent = await this.parent(conversation, request, queued !== undefined);
    const rows = turnMessages(request, conversation, parent, this.writer(queued));
    const reply = rows[rows.length - 1];
    await this.messages.insert(rows);
    await this.conversations.recordTurn(conversation.id, {
      leafId: reply.id,
      sequence: reply.sequence,
      content: request.content,
      at: reply.created_at,
    });
    return {
      conversation,
      userMessageId: reply.parent_id ?? '',
      messageId: reply.id,
      model: request.model,
      queued: queued !== undefined,
    };
  }

  /** How a reply begins: waiting, or in the hands of this process. */
  private writer(queued: QueuedRequest | undefined): Partial<MessageEntity> {
    if (queued) return { status: 'queued', queued_request: queued };
    return { status: 'streaming', instance_id: this.instance.id };
  }

  private async mustWait(conversation: Conversation): Promise<boolean> {
    const { running, waiting } = await this.queue.join(conversation.id);
    if (waiting >= MAX_QUEUED) throw queueFull();
    return running + waiting > 0;
  }

  private conversation({ userId, conversationId, conversation }: TurnRequest): Promise<Conversation> {
    if (conversationId) return this.conversations.lock(userId, conversationId);
    return this.conversations.create(userId, conversation ?? {});
  }

  private async parent(
    conversation: Conversation,
    request: TurnRequest,
    mayBeOpen: boolean,
  ): Promise<ParentMessage | undefined> {
    const id = request.parentId === undefined ? conversation.active_leaf_id : request.parentId;
    if (!id) return undefined;
    const parent = await this.messages.findParent(conversation.id, id);
    if (!parent) throw messageNotFound();
    if (isOpen(parent) && !mayBeOpen) throw replyInProgress();
    if (request.parentId && (parent.role === 'user') === (request.content !== undefined))
      throw parentNotAReply();
    return parent;
  }
}

/** The user's message, if there is one, and the reply. A parent that has a child already begins a new branch. */
function turnMessages(
  request: TurnRequest,
  conversation: Conversation,
  parent: ParentMessage | undefined,
  writer: Partial<MessageEntity>,
): MessageEntity[] {
  const line = new Line(conversation, parent);
  const said: Partial<MessageEntity>[] =
    request.content === undefined
      ? []
      : [
          {
            role: 'user',
            status: 'completed',
            parts: [{ type: 'text', text: request.content }],
            tokens: request.tokens,
          },
        ];
  const { model, provider } = request;
  const reply: Partial<MessageEntity> = {
    role: 'assistant',
    parts: [],
    model,
    provider,
    ...writer,
  };
  return [...said, reply].map((fields) => line.add(fields));
}

/** New messages one after the other below a parent. */
class Line {
  private readonly now = new Date();
  private readonly branch: string | undefined;
  private depth: number;
  private sequence: number;
  private last: { id: string; branch_id: string } | undefined;

  constructor(
    private readonly conversation: Conversation,
    private readonly parent: ParentMessage | undefined,
  ) {
    this.branch = parent && !parent.has_children ? parent.branch_id : undefined;
    this.depth = parent?.depth ?? 0;
    this.sequence = conversation.last_sequence;
  }

  add(fields: Partial<MessageEntity>): MessageEntity {
    const id = uuidv7();
    const message = Object.assign(new MessageEntity(), fields, {
      id,
      conversation_id: this.conversation.id,
      user_id: this.conversation.user_id,
      parent_id: this.last?.id ?? this.parent?.id ?? null,
      branch_id: this.last?.branch_id ?? this.branch ?? id,
      depth: ++this.depth,
      sequence: ++this.sequence,
      created_at: this.now,
      updated_at: this.now,
    });
    this.last = message;
    return message;
  }
}
