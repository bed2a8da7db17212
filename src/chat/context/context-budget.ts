import type { ModelConfig, ModelSettings } from '../../config/models-config';
import { AppError } from '../../errors/app-error';
import { countTokens } from '../../llm/tokens/token-counter';

/** What the wire format adds to each message. */
const MESSAGE_OVERHEAD = 4;

/** Tokens that messages may take: the model's window less the system prompt and the room for the answer. */
export function contextBudget(
  model: ModelConfig,
  settings: ModelSettings,
  systemPrompt: string | null | undefined,
): number {
  const system = systemPrompt ? countTokens(systemPrompt) + MESSAGE_OVERHEAD : 0;
  return model.contextWindow - answerRoom(model, settings) - system;
}

/** Tokens kept free for the answer. */
export function answerRoom(model: ModelConfig, settings: ModelSettings): number {
  return Math.min(settings.max_output_tokens ?? model.maxOutputTokens, model.maxOutputTokens);
}

/** @throws AppError `context_length_exceeded` for a message that the model could not take even alone. */
export function assertFits(tokens: number, budget: number): void {
  if (tokens + MESSAGE_OVERHEAD <= budget) return;
  throw new AppError('too_large', 'context_length_exceeded', 'The message is too long for this model.');
}
