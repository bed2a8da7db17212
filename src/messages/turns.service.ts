import { Injectable } from '@nestjs/common';
import { REPLY_BOUNDS } from '../config/bounds';
import { conversationNotFound, keyTaken } from '../conversations/conversation.errors';
import type { ConversationFields } from '../conversations/conversation.types';
import { isConversationKey } from '../conversations/conversation-name';
import { ConversationsService, titleFrom, type Conversation } from '../conversations/conversations.service';
import { constraintOf } from '../database/database-error';
import { InstanceService, leaseLost } from '../instances/instance.service';
import { MESSAGE_OVERHEAD_TOKENS } from '../llm/run/context-fit';
import { tooManyRunning } from '../users/quotas/quota-exceeded';
import { messageNotFound, parentNotAReply, queueFull, replyInProgress } from './message.errors';
import { isOpen, type MessageStatus, type QueuedRequest } from './message.types';
import type { ContextMessage, StartPlaces } from './message.types';
import { QueueService } from './queue.service';
import { startPlaces, turnMessages, type TurnMessage, type TurnPosition, userMessage } from './turn-messages';
import { TurnsRepository, type ReplyTerms, type StoredTurn } from './turns.repository';

/** A turn that is to be opened: the user's message, if there is one, and the model that is to reply. */
export interface TurnInput {
  userId: string;
  /** Position as `findPosition` answers it. Absent: a conversation is created with the fields of `conversation`. */
  position?: TurnPosition;
  conversation?: ConversationFields;
  /** Id of the message that the turn follows; null at the beginning, absent at the end of the active path. */
  parentId?: string | null;
  /** Text of the user message; absent for a further reply to the parent. */
  content?: string;
  /** Tokens of `content`. */
  tokens: number;
  /** Tokens of the text that the reply continues, if any, as the model is sent it. */
  prefixTokens?: number;
  model: string;
  provider: string;
  /** Token budget of the messages (`contextTokens` of `ResolvedModel`). */
  contextTokens: number;
  /** Maximum tokens of the answer. */
  maxOutputTokens: number;
  /** Settings and prefix to store if the reply has to wait for another one of its conversation; absent: it is refused instead. */
  queued?: QueuedRequest;
  /** Settings and prefix to store if no slot of the model is free, until there is one. */
  queuedForSlot?: QueuedRequest;
}

/** The part of its user's quotas that a turn may take (`usage/quotas.ts`). */
export interface TurnAllowance {
  /** Tokens that are set aside until the reply ends; null: there is no quota of tokens. */
  reservedTokens: number | null;
  /**
   * Number of replies of the user that may run; null: any. The turn's own statement counts them, so that no turn waits for a lock, and
   * simultaneous turns may exceed it by their number.
   */
  maxRunning: number | null;
}

const UNLIMITED: TurnAllowance = { reservedTokens: null, maxRunning: null };

/** Attempts of a turn to be stored in a conversation that others are changing. */
const TRIES = 5;

/** A stored user message and the open reply to it. */
export interface OpenedTurn {
  conversation: Conversation;
  userMessageId: string;
  messageId: string;
  model: string;
  startPlaces: StartPlaces | null;
  /** The registration of this process when it opened the reply; null while the reply waits. */
  instanceId: string | null;
  /** Messages of the path above the turn that the model is to see, oldest first. */
  context: ContextMessage[];
  /** True if the reply waits for another one of its conversation, or for a slot of its model. */
  queued: boolean;
}

@Injectable()
export class TurnsService {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly turns: TurnsRepository,
    private readonly queue: QueueService,
    private readonly instance: InstanceService,
  ) {}

  /**
   * The position of a turn in its conversation: the message that it follows. A user's message never follows one of a user: where the active
   * path ends at one, a turn that names no parent goes beside it. Undefined for a key that no conversation of the user has.
   * @param name id or key of the conversation
   * @throws AppError `conversation_not_found`, `message_not_found` for the parent
   */
  async findPosition(
    userId: string,
    name: string,
    parentId?: string | null,
  ): Promise<TurnPosition | undefined> {
    const position = await this.turns.position(userId, name, parentId);
    if (!position && isConversationKey(name)) return undefined;
    if (!position) throw conversationNotFound();
    if (parentId && !position.parent) throw messageNotFound();
    if (parentId !== undefined || position.parent?.role !== 'user') return position;
    const of = { userId, conversationId: position.conversation.id };
    let parent: TurnPosition['parent'] = position.parent;
    while (parent?.role === 'user')
      parent = parent.parent_id ? await this.turns.parent(of, parent.parent_id) : undefined;
    return { ...position, parent, roots: parent ? null : await this.turns.roots(of) };
  }

  /** The position of a turn in an existing conversation, as `findPosition`. */
  async resolveParent(
    userId: string,
    conversationId: string,
    parentId?: string | null,
  ): Promise<TurnPosition> {
    const position = await this.findPosition(userId, conversationId, parentId);
    if (!position) throw conversationNotFound();
    return position;
  }

  /**
   * Stores the user's message, if there is one, and opens the reply: both or neither.
   * @throws AppError `invalid_parent`, `reply_in_progress` while the conversation has an open reply, `queue_full` while it has
   *   too many, or its model, `quota_exceeded` while too many replies of the user run, `key_taken` if the conversation was to be created and
   *   another turn has created it, and those of `findPosition` if it has changed
   */
  async open(input: TurnInput, allowance = UNLIMITED): Promise<OpenedTurn> {
    try {
      return await this.openWithin(input, allowance);
    } catch (error) {
      // The unique index decides whether a reply is running: a check beforehand could miss one.
      if (constraintOf(error) === 'uq_open_replies_conversation') throw replyInProgress();
      throw error;
    }
  }

  /**
   * State of the reply that a turn opened, as long as it exists.
   * @throws AppError `message_not_found`
   */
  async opened(
    userId: string,
    messageId: string,
  ): Promise<{ status: MessageStatus; conversation_id: string }> {
    const reply = await this.turns.reply(userId, messageId);
    if (!reply) throw messageNotFound();
    return reply;
  }

  private openWithin(input: TurnInput, allowance: TurnAllowance): Promise<OpenedTurn> {
    const { position, queued, queuedForSlot } = input;
    if (!position) return this.openFirst(input, allowance);
    const waiting = queued ?? queuedForSlot;
    return waiting
      ? this.openQueued(input, allowance, position.conversation.id, waiting)
      : this.openAt(input, allowance, position);
  }

  private async openFirst(input: TurnInput, allowance: TurnAllowance): Promise<OpenedTurn> {
    // A conversation that is to be created has no messages yet.
    if (input.parentId) throw messageNotFound();
    const { queuedForSlot } = input;
    if (queuedForSlot) await this.queue.assertRoom(input);
    const conversation = this.conversations.draft(input.userId, input.conversation ?? {});
    const messages = this.messages(input, allowance, { conversation }, queuedForSlot);
    const { id: active_leaf_id, sequence: last_sequence, created_at: last_activity_at } = lastOf(messages);
    const title = conversation.title ?? titleOf(input);
    const stored = { ...conversation, title, active_leaf_id, last_sequence, last_activity_at };
    const terms = queuedForSlot ? WAITS : this.terms(allowance);
    const turn = await this.turns.storeFirst(stored, messages, terms);
    assertAllowed(turn, terms);
    if (!turn.stored) throw keyTaken();
    return turnOf(input, stored, messages, { ...terms, context: turn.context });
  }

  /** Opens the turn without a lock: it is stored if nothing has changed since its position was read; otherwise the position is read again. */
  private async openAt(
    input: TurnInput,
    allowance: TurnAllowance,
    position: TurnPosition,
  ): Promise<OpenedTurn> {
    for (let tries = 1; tries <= TRIES; tries++) {
      assertReply(input, position);
      if (!isBusy(position)) {
        const messages = this.messages(input, allowance, position);
        const terms = this.terms(allowance);
        const turn = await this.store(input, position, messages, terms);
        if (turn.stored)
          return turnOf(input, position.conversation, messages, { ...terms, context: turn.context });
        assertAllowed(turn, terms);
      } else if (tries > 1) break;
      position = await this.resolveParent(input.userId, position.conversation.id, input.parentId);
    }
    throw replyInProgress();
  }

  /** Queues the turn behind other replies or for a slot; without either it is opened. Holds the lock under which queued replies start. */
  private openQueued(
    input: TurnInput,
    allowance: TurnAllowance,
    conversationId: string,
    queued: QueuedRequest,
  ): Promise<OpenedTurn> {
    return this.queue.join(input.userId, conversationId, async ({ running, waiting }) => {
      const position = await this.resolveParent(input.userId, conversationId, input.parentId);
      const isFirst = running + waiting === 0;
      if (isFirst && !input.queuedForSlot) return this.openAt(input, allowance, position);
      assertReply(input, position);
      if (!isFirst && !input.queued) throw replyInProgress();
      if (waiting >= REPLY_BOUNDS.queuedReplies.limit) throw queueFull();
      await this.queue.assertRoom(input);
      const messages = this.messages(input, allowance, position, queued);
      await this.store(input, position, messages, WAITS);
      return turnOf(input, position.conversation, messages, { instanceId: null, context: [] });
    });
  }

  private terms({ maxRunning }: TurnAllowance): ReplyTerms {
    return { instanceId: this.instance.id, maxRunning };
  }

  private messages(
    { content, tokens, model, provider }: TurnInput,
    { reservedTokens: reserved_tokens }: TurnAllowance,
    position: TurnPosition,
    queued?: QueuedRequest,
  ): TurnMessage[] {
    const state = queued
      ? { status: 'queued' as const, queued_request: queued }
      : { status: 'streaming' as const };
    const start_places = startPlaces(position, content !== undefined);
    const whose = { model, provider, reserved_tokens };
    const reply = { role: 'assistant' as const, parts: [], start_places, ...whose, ...state };
    return turnMessages(position, content === undefined ? [reply] : [userMessage(content, tokens), reply]);
  }

  private async store(
    input: TurnInput,
    position: TurnPosition,
    messages: TurnMessage[],
    terms: ReplyTerms,
  ): Promise<StoredTurn> {
    const { id: leafId, sequence, created_at: at } = lastOf(messages);
    const isReplyOnly = input.content === undefined;
    const messageTokens = isReplyOnly ? 0 : input.tokens + MESSAGE_OVERHEAD_TOKENS;
    const contextTokens = input.contextTokens - messageTokens - (input.prefixTokens ?? 0);
    const changes = { leafId, sequence, at, title: titleOf(input), ...terms };
    return this.turns.store(position, messages, changes, { contextTokens, parentIsLeaf: isReplyOnly });
  }
}

/** Terms of a queued reply, which has no writer yet and does not run. */
const WAITS: ReplyTerms = { instanceId: null, maxRunning: null };

/** @throws AppError `lease_lost`, `quota_exceeded`, where that is why the turn was not stored */
function assertAllowed({ stored, known, running }: StoredTurn, { maxRunning }: ReplyTerms): void {
  if (stored) return;
  if (!known) throw leaseLost();
  if (maxRunning !== null && running >= maxRunning) throw tooManyRunning();
}

/** Whether a turn has to wait: a reply runs, or one is queued, which goes first even while none runs. */
function isBusy({ parent, queued }: TurnPosition): boolean {
  return queued === true || (parent !== undefined && isOpen(parent));
}

function lastOf(messages: TurnMessage[]): TurnMessage {
  return messages[messages.length - 1];
}

function titleOf({ content }: TurnInput): string | null {
  return content === undefined ? null : titleFrom(content);
}

/** Checks that a user's message follows a reply, and a reply a user's message. */
function assertReply({ parentId, content }: TurnInput, { parent }: TurnPosition): void {
  if (parentId && parent && (parent.role === 'user') === (content !== undefined)) throw parentNotAReply();
}

function turnOf(
  { model }: TurnInput,
  conversation: Conversation,
  messages: TurnMessage[],
  { instanceId, context }: Pick<OpenedTurn, 'instanceId' | 'context'>,
): OpenedTurn {
  const { id: messageId, parent_id, start_places = null } = lastOf(messages);
  return {
    conversation,
    userMessageId: parent_id ?? '',
    messageId,
    model,
    startPlaces: start_places,
    instanceId,
    context,
    queued: instanceId === null,
  };
}
