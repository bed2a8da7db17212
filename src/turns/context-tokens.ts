import type { ModelConfig, ModelSettings } from '../config/models-config';
import { AppError } from '../errors/app-error';
import { CONTINUE_REQUEST } from '../llm/openai/continuation';
import { MESSAGE_OVERHEAD_TOKENS } from '../messages/context-path';
import { messageTokens } from '../messages/message-tokens';
import type { MessagePart } from '../messages/message.types';
import { textOf } from '../messages/reply-content';
import { countTokensInSlices } from '../replies/events/sliced-token-count';

/** Token budget of the messages: the model's window less the system prompt and the tokens kept free for the answer. */
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
 * Tokens of the text that a reply continues: the model is sent it as its own last message. `CONTINUE_REQUEST` is counted for every
 * model, since a fallback may need it where the first model does not.
 */
export async function prefixTokens(prefix: readonly MessagePart[]): Promise<number> {
  const text = textOf(prefix);
  if (!text) return 0;
  return (await countTokensInSlices(text)) + MESSAGE_OVERHEAD_TOKENS + messageTokens(CONTINUE_REQUEST);
}

/**
 * Checks that the context has room for at least the message to be answered and the text to be continued.
 * @param tokens tokens of that message
 * @param budget token budget of the messages, less the tokens of the text to be continued
 * @throws AppError `context_length_exceeded`
 */
export function assertFits(tokens: number, budget: number): void {
  if (tokens + MESSAGE_OVERHEAD_TOKENS <= budget) return;
  throw new AppError('too_large', 'context_length_exceeded', 'The message is too long for this model.');
}
