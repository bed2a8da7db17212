import { Injectable } from '@nestjs/common';
import type { ModelSettings } from '../config/models-config';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import type { IdempotentRequest } from '../http/idempotency/idempotent-request';
import { countTokens } from '../llm/tokens/token-counter';
import type { MessagePart } from '../messages/message.types';
import type { ContextMessage } from '../messages/message.types';
import { TurnsService, type Turn, type TurnRequest } from '../messages/turns.service';
import { modelMessages } from './context/context-loader';
import { assertFits, begunTokens } from './context/context-budget';
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
  conversationId?: string;
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
   * @throws AppError `model_not_found`, `context_length_exceeded`, `idempotency_key_reused`, `resource_gone`, and those of `TurnsService.open`
   */
  async start(caller: Caller, plan: TurnPlan, wishes: ReplyWishes): Promise<string> {
    const { conversationId: id, content, parentId } = plan;
    const place = id ? await this.turns.place(caller.userId, id, parentId) : undefined;
    const choice = await this.choices.choose(caller.userId, place?.conversation, wishes);
    const tokens = content === undefined ? 0 : countTokens(content);
    const begun = begunTokens(plan.begun ?? []);
    assertFits(content === undefined ? (place?.parent?.tokens ?? 0) : tokens, choice.budget - begun);
    const request = turnRequest(caller.userId, plan, wishes, {
      ...choice,
      tokens,
      begunTokens: begun,
      place,
    });
    let turn: Turn | undefined;
    const open = () =>
      this.idempotency.once(caller.request, {
        make: async () => {
          turn = await this.turns.open(request);
          return { resource: { id: turn.messageId }, status: 200 };
        },
        read: (messageId) => this.turns.opened(caller.userId, messageId),
      });
    const { resource } = await this.busy.getThrough(id, wishes.on_busy, open);
    if (turn?.queued) await this.busy.waitsIn(turn.conversation);
    else if (turn) this.replies.start(replyTo(turn, plan, choice));
    return resource.id;
  }
}

function turnRequest(
  userId: string,
  { parentId, content, begun = [] }: TurnPlan,
  wishes: ReplyWishes,
  {
    model,
    provider,
    budget,
    answerRoom,
    ...turn
  }: ModelChoice & Pick<TurnRequest, 'tokens' | 'begunTokens' | 'place'>,
): TurnRequest {
  return {
    userId,
    place: turn.place,
    conversation: wishes.model ? { model } : {},
    parentId,
    content,
    tokens: turn.tokens,
    begunTokens: turn.begunTokens,
    model,
    provider,
    budget,
    answerRoom,
    ...(wishes.on_busy === 'queue' && { queued: { settings: wishes.settings ?? {}, begun } }),
  };
}

function replyTo(
  { conversation, userMessageId, messageId, model, instanceId, context }: Turn,
  { content, begun }: TurnPlan,
  { settings, targets }: ModelChoice,
): ReplyRequest {
  const reply = {
    id: messageId,
    conversation_id: conversation.id,
    user_id: conversation.user_id,
    parent_id: userMessageId,
    model,
    // A reply that waits is not written yet.
    instance_id: instanceId ?? '',
  };
  const path = content === undefined ? context : [...context, saidBy('user', content)];
  const messages = async () => modelMessages(conversation.system_prompt, path);
  return { reply, context: messages, settings, targets, begun };
}

function saidBy(role: 'user', text: string): ContextMessage {
  return { role, parts: [{ type: 'text', text }] };
}
