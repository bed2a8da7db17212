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

/** What the user says, if anything, and who is to reply. */
export interface TurnInput {
  userId: string;
  /** As `place` found it. Absent: a conversation is made, with the fields of `conversation`. */
  position?: TurnPosition;
  conversation?: ConversationFields;
  /** The message that this follows; null at the beginning, absent at the end of the active path. */
  parentId?: string | null;
  /** Absent: a further reply to the parent. */
  content?: string;
  /** Tokens of `content`. */
  tokens: number;
  /** Tokens of what the reply goes on with, if it does, as the model is shown it. */
  prefixTokens?: number;
  /** The model that is to answer. */
  model: string;
  provider: string;
  /** Tokens that the model may be shown, and may answer with. */
  contextTokens: number;
  maxOutputTokens: number;
  /** What the reply is made with if it has to wait for another one of its conversation; absent: it does not wait, but is refused. */
  queued?: QueuedRequest;
  /** What the reply is made with once there is a slot of its model, if there is none now. */
  queuedForSlot?: QueuedRequest;
}

/** What a turn may take of what its user has (`usage/quotas.ts`). */
export interface TurnAllowance {
  /** Tokens that are set aside until the reply ends; null: there is no quota of tokens. */
  reservedTokens: number | null;
  /**
   * How many replies of the user may run; null: any number. The turn's own statement counts them, so that nobody waits for a lock, and
   * turns that come in the same moment may exceed it by their number.
   */
  maxRunning: number | null;
}

const UNLIMITED: TurnAllowance = { reservedTokens: null, maxRunning: null };

type AllowedTurn = TurnInput & TurnAllowance;

/** How often a turn looks again at a conversation that others are changing. */
const TRIES = 5;

/** A stored user message and the open reply to it. */
export interface OpenedTurn {
  conversation: Conversation;
  userMessageId: string;
  messageId: string;
  model: string;
  startPlaces: StartPlaces | null;
  /** What this process was known as when it opened the reply; null while it waits. */
  instanceId: string | null;
  /** What the model is to see of the path before what the turn says, oldest first. */
  context: ContextMessage[];
  /** It waits for its turn. */
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
   * Where a turn is to go. What a user says never follows what a user said: where the active path ends at such a message, a turn
   * that names no place goes beside it. Undefined for a key that no conversation of the user has.
   * @param name id or key of the conversation
   * @throws AppError `conversation_not_found`, `message_not_found` for the parent
   */
  async findPlace(userId: string, name: string, parentId?: string | null): Promise<TurnPosition | undefined> {
    const place = await this.turns.position(userId, name, parentId);
    if (!place && isConversationKey(name)) return undefined;
    if (!place) throw conversationNotFound();
    if (parentId && !place.parent) throw messageNotFound();
    if (parentId !== undefined || place.parent?.role !== 'user') return place;
    const of = { userId, conversationId: place.conversation.id };
    let parent: TurnPosition['parent'] = place.parent;
    while (parent?.role === 'user')
      parent = parent.parent_id ? await this.turns.parent(of, parent.parent_id) : undefined;
    return { ...place, parent, roots: parent ? null : await this.turns.roots(of) };
  }

  /** The same for a conversation that is there. */
  async resolveParent(
    userId: string,
    conversationId: string,
    parentId?: string | null,
  ): Promise<TurnPosition> {
    const place = await this.findPlace(userId, conversationId, parentId);
    if (!place) throw conversationNotFound();
    return place;
  }

  /**
   * Stores what the user says, if anything, and opens the reply, at once or not at all.
   * @throws AppError `invalid_parent`, `reply_in_progress` while the conversation has an open reply, `queue_full` while it has
   *   too many, or its model, `quota_exceeded` while too many replies of the user run, `key_taken` if the conversation was to be made and
   *   somebody else has, and those of `findPlace` if it has changed
   */
  async open(input: TurnInput, allowance = UNLIMITED): Promise<OpenedTurn> {
    try {
      return await this.openWithin({ ...input, ...allowance });
    } catch (error) {
      // The index, not a look beforehand, says whether a reply is running.
      if (constraintOf(error) === 'uq_open_replies_conversation') throw replyInProgress();
      throw error;
    }
  }

  /**
   * The reply that a turn opened, as long as it is there.
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

  private openWithin(request: AllowedTurn): Promise<OpenedTurn> {
    const { position, queued, queuedForSlot } = request;
    if (!position) return this.openFirst(request);
    const waiting = queued ?? queuedForSlot;
    return waiting
      ? this.openQueued(request, position.conversation.id, waiting)
      : this.openAt(request, position);
  }

  private async openFirst(request: AllowedTurn): Promise<OpenedTurn> {
    // There is nothing yet that it could follow.
    if (request.parentId) throw messageNotFound();
    const { queuedForSlot } = request;
    if (queuedForSlot) await this.queue.assertRoom(request);
    const conversation = this.conversations.draft(request.userId, request.conversation ?? {});
    const messages = this.messages(request, { conversation }, queuedForSlot);
    const { id: active_leaf_id, sequence: last_sequence, created_at: last_activity_at } = lastOf(messages);
    const title = conversation.title ?? titleOf(request);
    const stored = { ...conversation, title, active_leaf_id, last_sequence, last_activity_at };
    const terms = queuedForSlot ? WAITS : this.terms(request);
    const turn = await this.turns.storeFirst(stored, messages, terms);
    assertAllowed(turn, terms);
    if (!turn.stored) throw keyTaken();
    return turnOf(request, stored, messages, { ...terms, context: turn.context });
  }

  /** Nobody is locked out while the request is looked at: a place that has changed until it is stored is looked at again. */
  private async openAt(request: AllowedTurn, place: TurnPosition): Promise<OpenedTurn> {
    for (let tries = 1; tries <= TRIES; tries++) {
      assertReply(request, place);
      if (!isBusy(place)) {
        const messages = this.messages(request, place);
        const terms = this.terms(request);
        const turn = await this.store(request, place, messages, terms);
        if (turn.stored)
          return turnOf(request, place.conversation, messages, { ...terms, context: turn.context });
        assertAllowed(turn, terms);
      } else if (tries > 1) break;
      place = await this.resolveParent(request.userId, place.conversation.id, request.parentId);
    }
    throw replyInProgress();
  }

  /** Waits for another reply of the conversation, or for a slot. Under the conversation's lock, as whoever begins the next reply of the queue. */
  private openQueued(
    request: AllowedTurn,
    conversationId: string,
    queued: QueuedRequest,
  ): Promise<OpenedTurn> {
    return this.queue.join(request.userId, conversationId, async ({ running, waiting }) => {
      const place = await this.resolveParent(request.userId, conversationId, request.parentId);
      const isFirst = running + waiting === 0;
      if (isFirst && !request.queuedForSlot) return this.openAt(request, place);
      assertReply(request, place);
      if (!isFirst && !request.queued) throw replyInProgress();
      if (waiting >= REPLY_BOUNDS.queuedReplies.limit) throw queueFull();
      await this.queue.assertRoom(request);
      const messages = this.messages(request, place, queued);
      await this.store(request, place, messages, WAITS);
      return turnOf(request, place.conversation, messages, { instanceId: null, context: [] });
    });
  }

  private terms({ maxRunning }: TurnAllowance): ReplyTerms {
    return { instanceId: this.instance.id, maxRunning };
  }

  private messages(request: AllowedTurn, place: TurnPosition, queued?: QueuedRequest): TurnMessage[] {
    const { content, tokens, model, provider, reservedTokens: reserved_tokens } = request;
    const state = queued
      ? { status: 'queued' as const, queued_request: queued }
      : { status: 'streaming' as const };
    const says = content !== undefined;
    const start_places = startPlaces(place, says);
    const whose = { model, provider, reserved_tokens };
    const reply = { role: 'assistant' as const, parts: [], start_places, ...whose, ...state };
    return turnMessages(place, says ? [userMessage(content, tokens), reply] : [reply]);
  }

  private async store(
    request: TurnInput,
    place: TurnPosition,
    messages: TurnMessage[],
    terms: ReplyTerms,
  ): Promise<StoredTurn> {
    const { id: leafId, sequence, created_at: at } = lastOf(messages);
    const says = request.content !== undefined;
    const said = says ? request.tokens + MESSAGE_OVERHEAD_TOKENS : 0;
    const budget = request.contextTokens - said - (request.prefixTokens ?? 0);
    const title = titleOf(request);
    const changes = { leafId, sequence, at, title, ...terms };
    return this.turns.store(place, messages, changes, { budget, parentIsLeaf: !says });
  }
}

/** A reply that waits has no writer yet, and does not run. */
const WAITS: ReplyTerms = { instanceId: null, maxRunning: null };

/** @throws AppError `lease_lost`, `quota_exceeded`, where that is why the turn was not stored */
function assertAllowed({ stored, known, running }: StoredTurn, { maxRunning }: ReplyTerms): void {
  if (stored) return;
  if (!known) throw leaseLost();
  if (maxRunning !== null && running >= maxRunning) throw tooManyRunning();
}

/** What is queued goes first, also in the moment in which nothing runs. */
function isBusy({ parent, queued }: TurnPosition): boolean {
  return queued === true || (parent !== undefined && isOpen(parent));
}

function lastOf(messages: TurnMessage[]): TurnMessage {
  return messages[messages.length - 1];
}

function titleOf({ content }: TurnInput): string | null {
  return content === undefined ? null : titleFrom(content);
}

/** What a user says follows a reply, and a reply follows what a user says. */
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
