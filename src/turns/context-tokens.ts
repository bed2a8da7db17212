import { AppError } from '../errors/app-error';
import { CONTINUE_REQUEST } from '../llm/openai/continuation';
import { MESSAGE_OVERHEAD_TOKENS } from '../llm/run/context-fit';
import { messageTokens } from '../messages/message-tokens';
import type { MessagePart } from '../messages/content/parts';
import { textOf } from '../messages/content/reply-content';
import { countTokensInSlices } from '../llm/tokens/sliced-token-count';

/** Tokens of the system prompt as a message. */
export function systemTokens(systemPrompt: string | null | undefined): number {
  return systemPrompt ? messageTokens(systemPrompt) : 0;
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

/** Tokens of the parts of a context that cannot be left out. */
export interface NeededTokens {
  /** Tokens of the message to be answered, without `MESSAGE_OVERHEAD_TOKENS`. */
  message: number;
  /** Tokens of the text to be continued, as `prefixTokens` counts them. */
  prefix: number;
  /** Tokens of the system prompt, as `systemTokens` counts them. */
  system: number;
}

/**
 * Checks that the context has room for at least the message to be answered and the text to be continued.
 * @param contextTokens tokens that all messages together may have
 * @throws AppError `context_length_exceeded`, which names the longest part
 */
export function assertFits({ message, prefix, system }: NeededTokens, contextTokens: number): void {
  if (message + MESSAGE_OVERHEAD_TOKENS + prefix <= contextTokens) return;
  const [[part]] = [
    ['message', message] as const,
    ['system prompt', system] as const,
    ['reply that is to be continued', prefix] as const,
  ].toSorted(([, one], [, other]) => other - one);
  throw new AppError('too_large', 'context_length_exceeded', `The ${part} is too long for this model.`);
}
