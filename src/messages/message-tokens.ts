import { countTokens } from '../llm/tokens/token-counter';
import { MESSAGE_OVERHEAD_TOKENS } from '../llm/run/context-fit';

/** Tokens of a text as one message of a model's context. */
export function messageTokens(text: string): number {
  return countTokens(text) + MESSAGE_OVERHEAD_TOKENS;
}
