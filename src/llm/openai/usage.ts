import type { TokenUsage } from '../llm-client';

interface WireUsage {
  prompt_tokens?: unknown;
  completion_tokens?: unknown;
  /** Moonshot */
  cached_tokens?: unknown;
  /** DeepSeek */
  prompt_cache_hit_tokens?: unknown;
  prompt_tokens_details?: { cached_tokens?: unknown } | null;
  completion_tokens_details?: { reasoning_tokens?: unknown } | null;
}

/** A provider's usage in our words, or null if it counts nothing. */
export function readUsage(value: unknown): TokenUsage | null {
  if (typeof value !== 'object' || value === null) return null;
  const usage = value as WireUsage;
  const input = count(usage.prompt_tokens);
  const output = count(usage.completion_tokens);
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

function count(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}
