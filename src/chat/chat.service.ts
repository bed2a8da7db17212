import { Injectable } from '@nestjs/common';
import type { ModelSettings } from '../config/models-config';
import { ConversationsService, type Conversation } from '../conversations/conversations.service';
import { unknownModel } from '../conversations/conversation.errors';
import { ModelCatalogue, type CatalogueEntry } from '../llm/model-catalogue';
import { countTokens } from '../llm/tokens/token-counter';
import { MessagesService, type Message } from '../messages/messages.service';
import type { MessagePart } from '../messages/message.types';
import { TurnsService, type Turn } from '../messages/turns.service';
import { cannotGoOn, notAUserMessage, replyNotFound } from './chat.errors';
import { assertFits, contextBudget } from './context/context-budget';
import { ReplyGenerator } from './reply/reply-generator';

/** What a reply may be asked for with. */
export interface ReplyWishes {
  model?: string | null;
  settings?: ModelSettings | null;
}

/** A user's message. */
export interface SaidMessage extends ReplyWishes {
  conversation_id?: string | null;
  parent_id?: string | null;
  content: string;
}

/** What is to be stored and replied to. */
interface Plan {
  /** Absent: a new one. */
  conversation?: Conversation;
  /** As in `TurnRequest`. */
  parentId?: string | null;
  content?: string;
  /** What the reply begins with. */
  begun?: MessagePart[];
}

/** A turn: what is said is stored, and the reply to it runs. Nothing is ever overwritten: versions are siblings. */
@Injectable()
export class ChatService {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
    private readonly models: ModelCatalogue,
    private readonly turns: TurnsService,
    private readonly replies: ReplyGenerator,
  ) {}

  /**
   * Stores the message and starts the reply. All that can be refused is refused here, before anything is stored.
   * @throws AppError `conversation_not_found`, `message_not_found`, `invalid_parent`, `model_not_found`,
   *   `context_length_exceeded`, `reply_in_progress`
   */
  async say(userId: string, said: SaidMessage): Promise<Turn> {
    const { conversation_id: id, content, parent_id } = said;
    const conversation = id ? await this.conversations.get(userId, id) : undefined;
    return this.start(userId, { conversation, content, parentId: parent_id ?? undefined }, said);
  }

  /** Replies once more to what this reply answers. */
  async regenerate(userId: string, messageId: string, wishes: ReplyWishes): Promise<Turn> {
    const { conversation, message } = await this.findReply(userId, messageId);
    return this.start(userId, { conversation, parentId: message.parent_id }, wishes);
  }

  /** Says something else in place of a user's message. */
  async edit(userId: string, messageId: string, said: ReplyWishes & { content: string }): Promise<Turn> {
    const message = await this.messages.get(userId, messageId);
    if (message.role !== 'user') throw notAUserMessage();
    const conversation = await this.conversations.get(userId, message.conversation_id);
    return this.start(userId, { conversation, content: said.content, parentId: message.parent_id }, said);
  }

  /** Goes on with a reply that was stopped, interrupted or cut: a version of it that begins with its text. */
  async continue(userId: string, messageId: string, wishes: ReplyWishes): Promise<Turn> {
    const { conversation, message } = await this.findReply(userId, messageId);
    if (!isUnfinished(message)) throw cannotGoOn();
    return this.start(userId, { conversation, parentId: message.parent_id, begun: message.parts }, wishes);
  }

  private async findReply(
    userId: string,
    id: string,
  ): Promise<{ conversation: Conversation; message: Message }> {
    const message = await this.messages.get(userId, id);
    if (message.role !== 'assistant') throw replyNotFound();
    return { conversation: await this.conversations.get(userId, message.conversation_id), message };
  }

  private async start(userId: string, plan: Plan, wishes: ReplyWishes): Promise<Turn> {
    const { conversation, content, parentId, begun } = plan;
    const { model, provider } = this.resolve(wishes.model ?? conversation?.model);
    const settings = { ...model.settings, ...conversation?.settings, ...withoutAbsent(wishes.settings) };
    const systemPrompt = conversation?.system_prompt ?? null;
    const budget = contextBudget(model, settings, systemPrompt);
    const tokens = content === undefined ? 0 : countTokens(content);
    assertFits(tokens, budget);
    const turn = await this.turns.open({
      userId,
      conversationId: conversation?.id,
      conversation: wishes.model ? { model: model.id } : {},
      parentId,
      content,
      tokens,
      model: model.id,
      provider: provider.name,
    });
    const contextFrom = turn.conversation.context_from;
    const context = { systemPrompt, leafId: turn.userMessageId, budget, contextFrom };
    this.replies.start({ turn, context, settings, begun });
    return turn;
  }

  private resolve(model: string | null | undefined): CatalogueEntry {
    const entry = this.models.resolve(model);
    if (!entry) throw unknownModel();
    return entry;
  }
}

function isUnfinished({ status, finish_reason }: Message): boolean {
  return (
    status === 'stopped' || status === 'interrupted' || (status === 'completed' && finish_reason === 'length')
  );
}

function withoutAbsent(settings?: ModelSettings | null): ModelSettings {
  return Object.fromEntries(
    Object.entries(settings ?? {}).filter(([, value]) => value !== undefined && value !== null),
  );
}
