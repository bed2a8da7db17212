import { Injectable } from '@nestjs/common';
import type { ModelSettings } from '../config/models-config';
import type { Conversation } from '../conversations/conversations.service';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import type { IdempotentRequest } from '../http/idempotency/idempotent-request';
import { countTokens } from '../llm/tokens/token-counter';
import type { MessagePart } from '../messages/message.types';
import { TurnsService, type Turn } from '../messages/turns.service';
import { assertFits } from './context/context-budget';
import { ModelChoices, type ModelChoice } from './model-choices';
import { BusyConversations, type OnBusy } from './queue/busy-conversations';
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
  /** What to do while another reply is open; `reject` unless said otherwise. */
  on_busy?: OnBusy;
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

/** Begins turns: all that can be refused is refused, then the turn is stored, and then the reply runs or waits. */
@Injectable()
export class TurnStarter {
  constructor(
    private readonly choices: ModelChoices,
    private readonly idempotency: IdempotencyService,
    private readonly turns: TurnsService,
    private readonly replies: ReplyGenerator,
    private readonly busy: BusyConversations,
  ) {}

  /**
   * The id of the reply: of a new one, or of that which the same request has begun before.
   * @throws AppError `model_not_found`, `context_length_exceeded`, `idempotency_key_reused`, and those of `TurnsService.open`
   */
  async start(caller: Caller, plan: TurnPlan, wishes: ReplyWishes): Promise<string> {
    const choice = this.choices.choose(plan.conversation, wishes);
    const tokens = plan.content === undefined ? 0 : countTokens(plan.content);
    assertFits(tokens, choice.budget);
    let turn: Turn | undefined;
    const open = () =>
      this.idempotency.once(caller.request, async () => {
        turn = await this.turns.open(turnRequest(caller.userId, plan, wishes, choice, tokens));
        return { message_id: turn.messageId };
      });
    const { result } = await this.busy.getThrough(plan.conversation?.id, wishes.on_busy, open);
    if (turn?.queued) await this.busy.waitsIn(turn.conversation);
    else if (turn) this.replies.start(replyTo(turn, plan, choice));
    return result.message_id;
  }
}

function turnRequest(
  userId: string,
  { conversation, parentId, content, begun = [] }: TurnPlan,
  wishes: ReplyWishes,
  { model, provider }: ModelChoice,
  tokens: number,
) {
  return {
    userId,
    conversationId: conversation?.id,
    conversation: wishes.model ? { model } : {},
    parentId,
    content,
    tokens,
    model,
    provider,
    ...(wishes.on_busy === 'queue' && { queued: { settings: wishes.settings ?? {}, begun } }),
  };
}

function replyTo(turn: Turn, plan: TurnPlan, { settings, budget }: ModelChoice): ReplyRequest {
  const { conversation, userMessageId, messageId, model } = turn;
  const context = {
    systemPrompt: plan.conversation?.system_prompt ?? null,
    leafId: userMessageId,
    budget,
    contextFrom: conversation.context_from,
  };
  const reply = { id: messageId, conversation_id: conversation.id, parent_id: userMessageId, model };
  return { reply, context, settings, begun: plan.begun };
}
