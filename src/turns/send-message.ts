import { Injectable } from '@nestjs/common';
import { REPLY_BOUNDS } from '../config/bounds';
import { isUnavailable } from '../database/database-error';
import { BoundedMap } from '../http/bounded-map';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import type { ReplySlot } from '../llm/slots/reply-slot';
import type { ContextMessage, QueuedRequest, ReplyRef } from '../messages/message.types';
import type { TurnPosition } from '../messages/turn-messages';
import { TurnsService, type OpenedTurn, type TurnInput } from '../messages/turns.service';
import { countTokensInSlices } from '../llm/tokens/sliced-token-count';
import { ReplyProducer, type ReplyJob } from '../replies/produce/reply-producer';
import { modelMessages } from './context';
import { assertFits, prefixTokens } from './context-tokens';
import { ModelResolver, type ResolvedModel } from './model-resolver';
import { OnBusyPolicy } from './queue/on-busy';
import type { RequestContext, TurnCommand } from './turn-command';

/** A repetition of the request comes within seconds; later `OrphanedReplies` has completed the reply. */
const UNCONFIRMED_MS = 10_000;

/** A turn that this request has opened, or the reply that the same request opened before. */
type SentTurn = OpenedTurn | { repeated: ReplyRef };

/** A reply as its idempotency key knows it; `isOpen`: whether one that was stored earlier is being produced. */
interface StoredReply {
  id: string;
  conversationId: string;
  isOpen?: boolean;
}

/**
 * Opens a turn and starts its reply. This is where each turn begins, whichever route or socket frame asks for it: everything that can
 * be refused is refused first, then the turn is stored (one statement), then the reply is produced or queued.
 */
@Injectable()
export class SendMessage {
  /** Turns whose COMMIT failed, by message id: it may have been carried out although its answer was lost. */
  private readonly unconfirmed = new BoundedMap<string, OpenedTurn>(REPLY_BOUNDS.unconfirmedTurns.limit);

  constructor(
    private readonly models: ModelResolver,
    private readonly idempotency: IdempotencyService,
    private readonly turns: TurnsService,
    private readonly busy: OnBusyPolicy,
    private readonly producer: ReplyProducer,
  ) {}

  /**
   * The reply: a new one, or the one that the same request opened before.
   * @throws AppError `conversation_not_found`, `message_not_found`, `invalid_parent`, `model_not_found`, `context_length_exceeded`,
   *   `reply_in_progress`, `queue_full`, `quota_exceeded`, `idempotency_key_reused`, `resource_gone`
   */
  async send(context: RequestContext, command: TurnCommand): Promise<ReplyRef> {
    const { userId } = context;
    const { conversationId, parentId, options } = command;
    const position = conversationId
      ? await this.turns.resolveParent(userId, conversationId, parentId)
      : undefined;
    const model = await this.models.resolve(userId, position?.conversation, options);
    const input = await turnInput(userId, command, model, position);
    const { contextTokens, prefixTokens: prefix = 0 } = input;
    assertFits({ message: answeredTokens(input), prefix, system: model.systemTokens }, contextTokens);

    const slot = this.producer.slotFor(userId);
    let turn: SentTurn | undefined;
    for (let tries = 1; !turn; tries++) {
      // Before the turn is stored, so that no more than `max_concurrent` begin. A user's own model has no limit, be its id the same.
      const mustWait = !model.targets && !slot.take(model.model);
      try {
        turn = await this.openOnce(context, mustWait ? { ...input, unslotted: requestOf(command) } : input);
      } catch (error) {
        slot.release();
        await this.busy.interrupt(position?.conversation, options, error, tries);
      }
    }
    if ('queued' in turn && !turn.queued) this.producer.start(replyJob(turn, command, model, slot));
    else slot.release();
    if ('repeated' in turn) return turn.repeated;
    if (turn.queued) await this.busy.kick(turn.conversation);
    return { userId, conversationId: turn.conversation.id, messageId: turn.messageId };
  }

  /** With an idempotency key the turn and the key are one transaction; without one the turn is a single statement. */
  private async openOnce({ userId, request }: RequestContext, input: TurnInput): Promise<SentTurn> {
    let opened: OpenedTurn | undefined;
    try {
      const { resource } = await this.idempotency.once<StoredReply>(request, {
        make: async () => {
          opened = await this.turns.open(input);
          return { resource: { id: opened.messageId, conversationId: opened.conversation.id }, status: 200 };
        },
        read: async (id) => {
          // Of an attempt that was rolled back.
          opened = undefined;
          const { status, conversation_id: conversationId } = await this.turns.opened(userId, id);
          return { id, conversationId, isOpen: status === 'streaming' };
        },
      });
      const { id: messageId, conversationId, isOpen = false } = resource;
      return opened ?? this.resumeUnconfirmed({ userId, conversationId, messageId }, isOpen);
    } catch (error) {
      if (opened && isUnavailable(error)) this.keepUnconfirmed(opened);
      throw error;
    }
  }

  private keepUnconfirmed(turn: OpenedTurn): void {
    this.unconfirmed.set(turn.messageId, turn);
    setTimeout(() => this.unconfirmed.delete(turn.messageId), UNCONFIRMED_MS).unref();
  }

  /** The reply that the request opened before; if its COMMIT lost its answer then, nobody produces it, and this request starts it. */
  private resumeUnconfirmed(reply: ReplyRef, isOpen: boolean): SentTurn {
    const opened = this.unconfirmed.get(reply.messageId);
    this.unconfirmed.delete(reply.messageId);
    return (isOpen && opened) || { repeated: reply };
  }
}

async function turnInput(
  userId: string,
  command: TurnCommand,
  { model, provider, contextTokens, maxOutputTokens }: ResolvedModel,
  position: TurnPosition | undefined,
): Promise<TurnInput> {
  const { parentId, content, prefix = [], options } = command;
  return {
    userId,
    position,
    conversation: options.model ? { model } : {},
    parentId,
    content,
    tokens: content === undefined ? 0 : await countTokensInSlices(content),
    prefixTokens: await prefixTokens(prefix),
    model,
    provider,
    contextTokens,
    maxOutputTokens,
    ...(options.on_busy === 'queue' && { queued: requestOf(command) }),
  };
}

/** What a reply that waits is made with. */
function requestOf({ options, prefix = [] }: TurnCommand): QueuedRequest {
  return { settings: options.settings ?? {}, begun: prefix };
}

/** Tokens of the message that is to be answered. */
function answeredTokens({ content, tokens, position }: TurnInput): number {
  return content === undefined ? (position?.parent?.tokens ?? 0) : tokens;
}

function replyJob(
  { conversation, userMessageId, messageId, model, instanceId, context }: OpenedTurn,
  { content, prefix }: TurnCommand,
  { settings, targets }: ResolvedModel,
  slot: ReplySlot,
): ReplyJob {
  const reply = {
    id: messageId,
    conversation_id: conversation.id,
    user_id: conversation.user_id,
    parent_id: userMessageId,
    model,
    // Null only while a reply is queued, which is not started here.
    instance_id: instanceId ?? '',
  };
  const path = content === undefined ? context : [...context, userMessage(content)];
  const messages = async () => modelMessages(conversation.system_prompt, path);
  return { reply, context: messages, settings, targets, prefix, slot };
}

function userMessage(text: string): ContextMessage {
  return { role: 'user', parts: [{ type: 'text', text }] };
}
