import { PROVIDER_BOUNDS } from '../../config/bounds';
import type { ModelConfig } from '../../config/models-config';
import type { TokenUsage } from '../llm-client';

/** A provider that searches or calls itself may count several windows for one reply. */
const MOST_WINDOWS = 16;

interface WireUsage {
  prompt_tokens?: unknown;
  completion_tokens?: unknown;
  total_tokens?: unknown;
  /** The names of Anthropic and of OpenAI's newer API: mlx-vlm, and gateways before them */
  input_tokens?: unknown;
  output_tokens?: unknown;
  /** Moonshot */
  cached_tokens?: unknown;
  /** DeepSeek */
  prompt_cache_hit_tokens?: unknown;
  prompt_tokens_details?: { cached_tokens?: unknown } | null;
  completion_tokens_details?: { reasoning_tokens?: unknown } | null;
}

/**
 * The most tokens that a provider is believed to count for one reply. Far more than any reply takes, as the window of a model may
 * be a guess, and little enough for sums of them to stay exact: `Number.MAX_SAFE_INTEGER` is 900 million times as much.
 */
export function mostTokens({ contextWindow }: Pick<ModelConfig, 'contextWindow'>): number {
  return Math.max(PROVIDER_BOUNDS.usageTokens.limit, MOST_WINDOWS * contextWindow);
}

/** A provider's usage in our words, or null if it counts nothing that can be believed. */
export function readUsage(value: unknown, most: number): TokenUsage | null {
  if (typeof value !== 'object' || value === null) return null;
  const usage = value as WireUsage;
  const count = (tokens: unknown) => countOf(tokens, most);
  const total = count(usage.total_tokens);
  const prompt = count(usage.prompt_tokens) ?? count(usage.input_tokens);
  const completion = count(usage.completion_tokens) ?? count(usage.output_tokens);
  const input = prompt ?? difference(total, completion);
  const output = completion ?? difference(total, prompt);
  if (input === undefined || output === undefined) return null;
  const reasoning = count(usage.completion_tokens_details?.reasoning_tokens);
  const cached =
    count(usage.prompt_tokens_details?.cached_tokens) ??
    count(usage.cached_tokens) ??
    count(usage.prompt_cache_hit_tokens);
  return {
    input_tokens: input,
    output_tokens: output,
    ...(reasoning !== undefined && { reasoning_tokens: reasoning }),
    ...(cached !== undefined && { cached_input_tokens: cached }),
    estimated: false,
  };
}

/**
 * The counts that hold after a provider has counted again. Counts grow while a reply is made, and some servers send zeros with the
 * last chunk: what is zero says nothing.
 */
export function laterUsage(before: TokenUsage | null, after: TokenUsage | null): TokenUsage | null {
  if (!before || !after) return after ?? before;
  return {
    ...before,
    ...after,
    input_tokens: after.input_tokens || before.input_tokens,
    output_tokens: after.output_tokens || before.output_tokens,
  };
}

function difference(total: number | undefined, part: number | undefined): number | undefined {
  return total === undefined || part === undefined || part > total ? undefined : total - part;
}

function countOf(value: unknown, most: number): number | undefined {
  // Some gateways write numbers as text.
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return Number.isInteger(number) && (number as number) >= 0 && (number as number) <= most
    ? (number as number)
    : undefined;
}
