import type { ModelConfig, ModelSettings } from '../../config/models-config';
import type { ModelMessage } from '../llm-client';
import { scriptWeight } from '../tokens/script-weight';
import { countTokensInSlices } from '../tokens/sliced-token-count';

/** Tokens that the wire format of models adds to each message. */
export const MESSAGE_OVERHEAD_TOKENS = 4;

/**
 * Tokens kept free for the answer: the requested number, at most the model's maximum. If that maximum is a guess, it does not limit the
 * requested number, but at most half of the window is kept free.
 */
export function reservedOutput(model: ModelConfig, settings: ModelSettings): number {
  const asked = settings.max_output_tokens ?? model.settings.max_output_tokens;
  if (asked === undefined) return model.maxOutputTokens;
  return Math.min(asked, model.outputIsGuessed ? Math.floor(model.contextWindow / 2) : model.maxOutputTokens);
}

/** The messages of a context with the tokens of each in a model's window. */
export interface WeighedContext {
  messages: ModelMessage[];
  /** Tokens of each message, exactly or approximately as the model's provider counts them. */
  costs: number[];
}

export async function weigh(messages: ModelMessage[], model: ModelConfig): Promise<WeighedContext> {
  const costs: number[] = [];
  for (const { content, tokens } of messages) {
    const counted = tokens ?? (await countTokensInSlices(content));
    const weight = model.vocabulary === 'o200k' ? 1 : scriptWeight(content);
    costs.push(Math.ceil(counted * weight) + MESSAGE_OVERHEAD_TOKENS);
  }
  return { messages, costs };
}

/**
 * The newest messages that fit into a number of tokens, with the system prompt; the first one is a user's. The message to be answered and the
 * text to be continued are kept even if they do not fit.
 */
export function newestWithin({ messages, costs }: WeighedContext, budget: number): WeighedContext {
  const system = messages[0]?.role === 'system' ? 1 : 0;
  let first = Math.max(
    messages.findLastIndex(({ role }) => role === 'user'),
    system,
  );
  let left = budget - sum(costs.slice(0, system)) - sum(costs.slice(first));
  while (first > system && costs[first - 1] <= left) left -= costs[--first];
  while (messages[first]?.role === 'assistant' && first < messages.length - 1) first++;
  const kept = <T>(list: T[]) => [...list.slice(0, system), ...list.slice(first)];
  return { messages: kept(messages), costs: kept(costs) };
}

export function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
