import type { TokenUsage } from '../llm-client';
import { PROVIDER_BOUNDS } from '../../config/bounds';
import { finishWord, lastWord } from './finish-reason';
import { readUsage } from './usage';

/** What one `chat.completion.chunk` says; parts that are absent are empty or null. */
export interface ChunkContent {
  reasoning: string;
  text: string;
  finishReason: string | null;
  usage: TokenUsage | null;
  /** It begins to call a tool. What only goes on with a call names none. */
  toolCall?: true;
}

type Json = Record<string, unknown>;

const NONE: undefined[] = [];

/**
 * Reads a parsed chunk of any provider. Never throws, whatever is in it: what is not understood is left out.
 * @param mostTokens that a count of the provider is believed to be
 */
export function readChunk(
  chunk: unknown,
  mostTokens: number = PROVIDER_BOUNDS.usageTokens.limit,
): ChunkContent {
  const body = asObject(chunk);
  const choice = choiceOf(body);
  const delta = deltaOf(choice);
  const content: ChunkContent = {
    reasoning: reasoningOf(delta),
    text: contentOf(delta) + asText(delta?.refusal),
    finishReason:
      lastWord(choice?.finish_reason, choice?.native_finish_reason) ?? finishWord(choice?.finishReason),
    usage:
      readUsage(body?.usage, mostTokens) ??
      readUsage(choice?.usage, mostTokens) ??
      readUsage(asObject(body?.x_groq)?.usage, mostTokens),
  };
  if (toolCallsOf(delta).some((call) => asText(call?.name))) content.toolCall = true;
  return content;
}

/** Whether a chunk says anything of calls of tools, be it the next piece of one. */
export function callsTools(chunk: unknown): boolean {
  return toolCallsOf(deltaOf(choiceOf(asObject(chunk)))).length > 0;
}

/** Whether a chunk says anything of the reply, even if that becomes no part of it: a role, a piece of a call, details of a thought. */
export function isSignOfLife(chunk: unknown): boolean {
  const delta = deltaOf(choiceOf(asObject(chunk)));
  if (!delta) return false;
  for (const name in delta) {
    const value = delta[name];
    if (value !== null && value !== '' && !(Array.isArray(value) && value.length === 0)) return true;
  }
  return false;
}

/** The error that a chunk carries in place of content. */
export function chunkError(chunk: unknown): unknown {
  const body = asObject(Array.isArray(chunk) ? chunk[0] : chunk);
  if (!body) return undefined;
  return body.error || choiceOf(body)?.error || failedResponse(body.base_resp) || undefined;
}

/** MiniMax says with each chunk how it went. */
function failedResponse(response: unknown): Json | undefined {
  const body = asObject(response);
  return body?.status_code ? body : undefined;
}

function choiceOf(body: Json | undefined): Json | undefined {
  const choices = body?.choices;
  return asObject(Array.isArray(choices) ? choices[0] : undefined);
}

/** Some gateways send a whole `message` in a stream, and plain completions have one. */
function deltaOf(choice: Json | undefined): Json | undefined {
  return asObject(choice?.delta) ?? asObject(choice?.message);
}

/** What is called, and with what; `function_call` is what OpenAI had before `tool_calls`, and some servers still have. */
function toolCallsOf(delta: Json | undefined): (Json | undefined)[] {
  const { tool_calls: calls, function_call: older } = delta ?? {};
  // Hardly any chunk has either.
  if (!calls && !older) return NONE;
  const called = Array.isArray(calls) ? calls.map((call) => asObject(asObject(call)?.function)) : NONE;
  return older ? [...called, asObject(older)] : called;
}

/**
 * `reasoning_content` (DeepSeek, Qwen, older vLLM), `reasoning` (Ollama, newer vLLM, OpenRouter), `reasoning_text` (GitHub Copilot), `reasoning_details`
 * (OpenRouter, MiniMax) or parts of the content (Mistral, Databricks); gateways send several at once.
 */
function reasoningOf(delta: Json | undefined): string {
  return (
    asText(delta?.reasoning_content) ||
    asText(delta?.reasoning) ||
    asText(delta?.reasoning_text) ||
    partText(delta?.reasoning_details) ||
    thoughtOf(delta?.content)
  );
}

function thoughtOf(content: unknown): string {
  if (!Array.isArray(content)) return '';
  const parts = content
    .map(asObject)
    .filter((part) => part?.type === 'thinking' || part?.type === 'reasoning');
  return parts
    .map((part) => partText(part?.thinking ?? part?.reasoning ?? part?.summary ?? part?.text))
    .join('');
}

/** Content is text or, with Mistral and others, a list of typed parts. */
function contentOf(delta: Json | undefined): string {
  const content = delta?.content;
  if (!Array.isArray(content)) return asText(content);
  const parts = content.map(asObject).filter((part) => part?.type === 'text');
  return parts.map((part) => partText(part?.text)).join('');
}

function partText(value: unknown): string {
  if (!Array.isArray(value)) return asText(value);
  return value.map((inner) => asText(asObject(inner)?.text) || asText(asObject(inner)?.summary)).join('');
}

function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
