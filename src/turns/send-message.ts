import { Injectable } from '@nestjs/common';
import { AppError } from '../errors/app-error';
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
import { TurnOpener, type SentTurn } from './turn-opener';

/**
 * Opens a turn and starts its reply. This is where each turn begins, whichever route or socket frame asks for it: everything that can
 * be refused is refused first, then the turn is stored (one statement), then the reply is produced or queued.
 */
@Injectable()
export class SendMessage {
  constructor(
    private readonly models: ModelResolver,
    private readonly turns: TurnsService,
    private readonly opener: TurnOpener,
    private readonly busy: OnBusyPolicy,
    private readonly producer: ReplyProducer,
  ) {}

  /**
   * The reply: a new one, or the one that the same request opened before.
   * @throws AppError `conversation_not_found`, `message_not_found`, `invalid_parent`, `model_not_found`, `context_length_exceeded`,
   *   `reply_in_progress`, `queue_full`, `quota_exceeded`, `idempotency_key_reused`, `resource_gone`
   */
  async send(context: RequestContext, command: TurnCommand): Promise<ReplyRef> {
    for (let tries = 1; ; tries++)
      try {
        return await this.sendOnce(context, command);
      } catch (error) {
        // Another turn has created the conversation meanwhile: the next try adds this turn to it.
        if (tries === KEY_TRIES || !isKeyTaken(error)) throw error;
      }
  }

  private async sendOnce(context: RequestContext, command: TurnCommand): Promise<ReplyRef> {
    const { userId } = context;
    const { conversationId, parentId, options } = command;
    const position = conversationId
      ? await this.turns.findPosition(userId, conversationId, parentId)
      : undefined;
    const model = await this.models.resolve(userId, position?.conversation, options);
    const input = await turnInput(userId, command, model, position);
    const { contextTokens, prefixTokens: prefix = 0 } = input;
    assertFits({ message: answeredTokens(input), prefix, system: model.systemTokens }, contextTokens);

    const slot = this.producer.slotFor(userId);
    let turn: SentTurn | undefined;
    for (let tries = 1; !turn; tries++) {
      // A slot is taken before the turn is stored, so that at most `max_concurrent` replies run. A user's own model has no limit.
      const mustWait = !model.targets && !slot.take(model.model);
      try {
        turn = await this.opener.open(
          context,
          mustWait ? { ...input, queuedForSlot: requestOf(command) } : input,
        );
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
}

/** Tries while another turn creates a conversation of the same key, which may be created and deleted repeatedly. */
const KEY_TRIES = 3;

function isKeyTaken(error: unknown): boolean {
  return error instanceof AppError && error.code === 'key_taken';
}

async function turnInput(
  userId: string,
  command: TurnCommand,
  { model, provider, contextTokens, maxOutputTokens }: ResolvedModel,
  position: TurnPosition | undefined,
): Promise<TurnInput> {
  const { conversationId: key, parentId, content, prefix = [], options } = command;
  return {
    userId,
    position,
    conversation: { key, ...(options.model && { model }) },
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

/** Settings and prefix that are stored with a queued reply. */
function requestOf({ options, prefix = [] }: TurnCommand): QueuedRequest {
  return { settings: options.settings ?? {}, begun: prefix };
}

/** Tokens of the message that is to be answered. */
function answeredTokens({ content, tokens, position }: TurnInput): number {
  return content === undefined ? (position?.parent?.tokens ?? 0) : tokens;
}

function replyJob(
  { conversation, userMessageId, messageId, model, startPlaces, instanceId, context }: OpenedTurn,
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
    start_places: startPlaces,
    // The id is null only for a queued reply, which is not started here.
    instance_id: instanceId ?? '',
  };
  const path = content === undefined ? context : [...context, userMessage(content)];
  const messages = async () => modelMessages(conversation.system_prompt, path);
  return { reply, context: messages, settings, targets, prefix, slot };
}

function userMessage(text: string): ContextMessage {
  return { role: 'user', parts: [{ type: 'text', text }] };
}
