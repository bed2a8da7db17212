import type { TokenUsage } from '../llm-client';
import { readUsage } from './usage';

/** What one `chat.completion.chunk` says; parts that are absent are empty or null. */
export interface ChunkContent {
  reasoning: string;
  text: string;
  finishReason: string | null;
  usage: TokenUsage | null;
}

type Json = Record<string, unknown>;

/** Reads a parsed chunk of any provider. Never throws, whatever is in it: what is not understood is left out. */
export function readChunk(chunk: unknown): ChunkContent {
  const body = asObject(chunk);
  const choice = asObject(Array.isArray(body?.choices) ? body.choices[0] : undefined);
  // Some gateways send a whole `message` in a stream, and plain completions have one.
  const delta = asObject(choice?.delta) ?? asObject(choice?.message);
  return {
    reasoning: reasoningOf(delta),
    text: contentOf(delta, 'text') + asText(delta?.refusal),
    finishReason: asText(choice?.finish_reason) || null,
    usage: readUsage(body?.usage) ?? readUsage(choice?.usage) ?? readUsage(asObject(body?.x_groq)?.usage),
  };
}

/** The error that a chunk carries in place of content. */
export function chunkError(chunk: unknown): unknown {
  return asObject(chunk)?.error || undefined;
}

/** `reasoning_content` (DeepSeek, Qwen, older vLLM) or `reasoning` (Ollama, newer vLLM, OpenRouter); gateways send both at once. */
function reasoningOf(delta: Json | undefined): string {
  return asText(delta?.reasoning_content) || asText(delta?.reasoning) || contentOf(delta, 'thinking');
}

/** Content is text or, with Mistral and others, a list of typed parts. */
function contentOf(delta: Json | undefined, type: 'text' | 'thinking'): string {
  const content = delta?.content;
  if (!Array.isArray(content)) return type === 'text' ? asText(content) : '';
  const parts = content.map(asObject).filter((part) => part?.type === type);
  return parts.map((part) => partText(part?.[type])).join('');
}

function partText(value: unknown): string {
  if (!Array.isArray(value)) return asText(value);
  return value.map((inner) => asText(asObject(inner)?.text)).join('');
}

function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
