import type { ModelFinishReason } from '../llm-client';
import { LlmError, type LlmErrorCode } from '../llm-error';

/** Words of providers by what they mean, in lower case and with `_` between words. */
const REASONS: Record<ModelFinishReason, readonly string[]> = {
  // `end_turn` and `stop_sequence`: Anthropic behind a gateway; `eos`: TGI, Together; `complete`: Cohere
  stop: [
    'stop',
    'eos',
    'eos_token',
    'end_turn',
    'stop_sequence',
    'complete',
    'completed',
    'finish_reason_stop',
  ],
  // `max_tokens`: Anthropic, Gemini, Cohere; `model_length`: Mistral; the longest one: Zhipu, Anthropic
  length: [
    'length',
    'max_tokens',
    'max_output_tokens',
    'max_new_tokens',
    'max_length',
    'model_length',
    'model_context_window_exceeded',
    'context_length',
    'token_limit',
  ],
  tool_calls: ['tool_calls', 'tool_call', 'function_call', 'tool_use'],
  // From `safety` on: Gemini; `guardrail_intervened`: Bedrock; `sensitive`: Zhipu
  content_filter: [
    'content_filter',
    'content_filtered',
    'content_filter_error',
    'sensitive',
    'refusal',
    'guardrail_intervened',
    'data_inspection_failed',
    'safety',
    'recitation',
    'blocklist',
    'prohibited_content',
    'spii',
    'image_safety',
    'language',
    'model_armor',
  ],
  other: [],
};

/** `abort`: vLLM and SGLang, when they drop a request; `network_error`: Zhipu; `insufficient_system_resource`: DeepSeek */
const FAILURES: Partial<Record<LlmErrorCode, readonly string[]>> = {
  provider_unavailable: [
    'error',
    'abort',
    'aborted',
    'cancelled',
    'canceled',
    'failed',
    'network_error',
    'internal_error',
    'server_error',
    'model_error',
    'malformed_response',
  ],
  provider_timeout: ['timeout', 'time_limit'],
  provider_overloaded: ['insufficient_system_resource', 'overloaded'],
  unexpected_tool_call: ['malformed_function_call', 'unexpected_tool_call', 'too_many_tool_calls'],
};

/** What servers say in every chunk before the model has ended, in the place of `null`. */
const NONE: ReadonlySet<string> = new Set([
  '',
  'null',
  'none',
  'nil',
  'undefined',
  'unspecified',
  'finish_reason_unspecified',
  'not_finished',
]);

const LONGEST_WORD = 64;

const reasonOf = byWord(REASONS);
const failureOf = byWord(FAILURES);

/**
 * The word on why the model ended, or null if it has not. OpenRouter says `stop` for much that its providers call something else, and has their
 * own word beside it (`native_finish_reason`): a word for anything but a plain stop is believed.
 */
export function lastWord(word: unknown, native: unknown): string | null {
  const said = finishWord(word);
  const original = said === null ? null : finishWord(native);
  if (said === null || original === null || reasonOf.get(folded(said)) !== 'stop') return said;
  const meaning = reasonOf.get(folded(original));
  return failureOf.has(folded(original)) || (meaning !== undefined && meaning !== 'stop') ? original : said;
}

/** A provider's `finish_reason` as it is written, or null if it says that the model has not ended. */
export function finishWord(value: unknown): string | null {
  if (typeof value !== 'string' || NONE.has(folded(value))) return null;
  return value.slice(0, LONGEST_WORD);
}

/**
 * A provider's word in ours.
 * @throws {LlmError} for the words that report a failure
 */
export function finishReason(word: string): ModelFinishReason {
  const failure = failureOf.get(folded(word));
  if (failure) throw new LlmError(failure, { detail: { reason: word } });
  return reasonOf.get(folded(word)) ?? 'other';
}

function folded(word: string): string {
  return word
    .trim()
    .slice(0, LONGEST_WORD)
    .toLowerCase()
    .replaceAll(/[\s-]+/g, '_');
}

function byWord<Meaning extends string>(
  words: Partial<Record<Meaning, readonly string[]>>,
): ReadonlyMap<string, Meaning> {
  const meanings = Object.entries(words) as [Meaning, readonly string[]][];
  return new Map(meanings.flatMap(([meaning, all]) => all.map((word) => [word, meaning] as const)));
}
