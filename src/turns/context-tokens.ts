import type { ModelConfig, ModelSettings } from '../config/models-config';
import { AppError } from '../errors/app-error';
import { CONTINUE_REQUEST } from '../llm/openai/continuation';
import { MESSAGE_OVERHEAD_TOKENS } from '../messages/context-path';
import { messageTokens } from '../messages/message-tokens';
import type { MessagePart } from '../messages/message.types';
import { textOf } from '../messages/reply-content';

/** Tokens that messages may take: the model's window less the system prompt and the room for the answer. */
export function contextTokens(
  model: ModelConfig,
  settings: ModelSettings,
  systemPrompt: string | null | undefined,
): number {
  const system = systemPrompt ? messageTokens(systemPrompt) : 0;
  return model.contextWindow - maxOutputTokens(model, settings) - system;
}

/** Tokens kept free for the answer. */
export function maxOutputTokens(model: ModelConfig, settings: ModelSettings): number {
  return Math.min(settings.max_output_tokens ?? model.maxOutputTokens, model.maxOutputTokens);
}

/**
 * Tokens of the text that a reply goes on with: the model is shown it as its own last message. The request to go on is counted
 * for every model, since a fallback may need it where the first model does not.
 */
export function prefixTokens(begun: readonly MessagePart[]): number {
  const text = textOf(begun);
  return text ? messageTokens(text) + messageTokens(CONTINUE_REQUEST) : 0;
}

/**
 * The model must see at least the message that it answers, and the text that it goes on with.
 * @param tokens of that message
 * @param budget less what the begun text takes
 * @throws AppError `context_length_exceeded`
 */
export function assertFits(tokens: number, budget: number): void {
  if (tokens + MESSAGE_OVERHEAD_TOKENS <= budget) return;
  throw new AppError('too_large', 'context_length_exceeded', 'The message is too long for this model.');
}
