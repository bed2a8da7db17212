import { Injectable } from '@nestjs/common';
import type { ModelSettings } from '../config/models-config';
import { unknownModel } from '../conversations/conversation.errors';
import type { Conversation } from '../conversations/conversations.service';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import type { IdempotentRequest } from '../http/idempotency/idempotent-request';
import type { CatalogueEntry } from '../llm/model-catalogue';
import { countTokens } from '../llm/tokens/token-counter';
import type { MessagePart } from '../messages/message.types';
import { ModelDirectory } from '../providers/model-directory';
import { TurnsService, type Turn } from '../messages/turns.service';
import { answerRoom, assertFits, contextBudget } from './context/context-budget';
import { ReplyGenerator, type ReplyRequest } from './reply/reply-generator';

/** Who asks, and by which request, if it may be repeated. */
export interface Caller {
  userId: string;
  request?: IdempotentRequest;
}

/** What a reply may be asked for with. */
export interface ReplyWishes {
  model?: string;
  settings?: ModelSettings;
}

/** What is to be stored and replied to. */
export interface TurnPlan {
  /** Absent: a new one. */
  conversation?: Conversation;
  /** As in `TurnRequest`. */
  parentId?: string | null;
  content?: string;
  /** What the reply begins with. */
  begun?: MessagePart[];
}

/** Begins turns: all that can be refused is refused, then the turn is stored, and then the reply runs. */
@Injectable()
export class TurnStarter {
  constructor(
    private readonly models: ModelDirectory,
    private readonly idempotency: IdempotencyService,
    private readonly turns: TurnsService,
    private readonly replies: ReplyGenerator,
  ) {}

  /**
   * The id of the reply: of a new one, or of that which the same request has begun before.
   * @throws AppError `model_not_found`, `context_length_exceeded`, `idempotency_key_reused`, and those of `TurnsService.open`
   */
  async start({ userId, request }: Caller, plan: TurnPlan, wishes: ReplyWishes): Promise<string> {
    const { conversation, content, parentId } = plan;
    const target = await this.resolve(userId, wishes.model ?? conversation?.model);
    const { model, provider } = target;
    const settings = { ...model.settings, ...conversation?.settings, ...withoutAbsent(wishes.settings) };
    const budget = contextBudget(model, settings, conversation?.system_prompt);
    const tokens = content === undefined ? 0 : countTokens(content);
    assertFits(tokens, budget);
    let turn: Turn | undefined;
    const { result } = await this.idempotency.once(request, async () => {
      turn = await this.turns.open({
        userId,
        conversationId: conversation?.id,
        conversation: wishes.model ? { model: model.id } : {},
        parentId,
        content,
        tokens,
        most: { input: budget, output: answerRoom(model, settings) },
        model: model.id,
        provider: provider.name,
      });
      return { message_id: turn.messageId };
    });
    if (turn)
      this.replies.start({
        ...replyTo(turn, plan, settings, budget),
        targets: provider.guarded ? [target] : undefined,
      });
    return result.message_id;
  }

  private async resolve(userId: string, model: string | null | undefined): Promise<CatalogueEntry> {
    const entry = await this.models.resolve(userId, model);
    if (!entry) throw unknownModel();
    return entry;
  }
}

function replyTo(turn: Turn, plan: TurnPlan, settings: ModelSettings, budget: number): ReplyRequest {
  const context = {
    systemPrompt: plan.conversation?.system_prompt ?? null,
    leafId: turn.userMessageId,
    budget,
    contextFrom: turn.conversation.context_from,
  };
  return { turn, context, settings, begun: plan.begun };
}

function withoutAbsent(settings: ModelSettings = {}): ModelSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
