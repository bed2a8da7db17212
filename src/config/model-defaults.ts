import * as knownModels from 'gpt-tokenizer/models.gen';
import type { ModelConfig } from './models-config';

export const OPENAI_BASE_URL = 'https://api.openai.com/v1';

const FALLBACK_WINDOW = 128_000;
const FALLBACK_OUTPUT = 4096;

interface KnownModel {
  context_window?: number;
  max_output_tokens?: number;
  reasoning_tokens?: boolean;
}

type ModelDefaults = Pick<
  ModelConfig,
  | 'contextWindow'
  | 'maxOutputTokens'
  | 'outputIsGuessed'
  | 'vocabulary'
  | 'unsupportedSettings'
  | 'maxTokensField'
>;

/**
 * Windows of families that are not OpenAI's and differ from `FALLBACK_WINDOW`, from the model cards. Of a family whose members differ it is the
 * smallest: a prompt that is cut too early is answered, one that is cut too late may be refused.
 */
const FAMILY_WINDOWS: [RegExp, number][] = [
  [/^claude/, 200_000],
  [/^gemini-(1\.5|[2-9])/, 1_048_576],
  [/^grok-4/, 256_000],
  [/^llama-?2/, 4096],
  [/^(meta-)?llama-?3(?![.\d])/, 8192],
  [/^gemma(-?2)?(?![\d-]*3)/, 8192],
  [/^(mistral-7b|mixtral|qwen-?(1\.5|2)(?!\.5|\d)|qwen-?2\.5)/, 32_768],
  [/^phi-3-(mini|medium|small)-4k/, 4096],
  [/^(tinyllama|vicuna|zephyr)/, 4096],
];

/** Assumptions about a model that the operator only named. */
export function modelDefaults(fullName: string, baseUrl: string | undefined): ModelDefaults {
  const name = bareName(fullName);
  const known = knownModel(name);
  const family = FAMILY_WINDOWS.find(([pattern]) => pattern.test(name))?.[1];
  const contextWindow = known?.context_window ?? family ?? FALLBACK_WINDOW;
  return {
    contextWindow,
    maxOutputTokens: defaultMaxOutput(contextWindow, known?.max_output_tokens),
    outputIsGuessed: known?.max_output_tokens === undefined,
    vocabulary: vocabularyOf(name, baseUrl),
    ...(isOpenAi(baseUrl) && !isForeign(name)
      ? openAiDialect(name, known)
      : { unsupportedSettings: [], maxTokensField: 'max_tokens' }),
  };
}

/** Some models may answer with their whole window; a prompt must still fit. */
export function defaultMaxOutput(contextWindow: number, known = FALLBACK_OUTPUT): number {
  return Math.max(1, Math.min(known, Math.floor(contextWindow / 2)));
}

/** Models that say nothing while they think, on their own endpoints and behind gateways (`openai/o3`). */
const SILENT_THINKERS = /(^|[/:.])(o[1-9]\b|gpt-5|grok-4|gemini-(2\.5|[3-9]))/i;

/** Whether minutes may pass before the model's first word. */
export function thinksSilently(name: string): boolean {
  return SILENT_THINKERS.test(name) && !/chat|non-reasoning/i.test(name);
}

/** OpenAI's hosts in all regions, and Azure's of every kind and cloud. */
const OPENAI_HOSTS =
  /(^|\.)(api\.openai\.com|(openai|cognitiveservices|services\.ai|models\.ai|models\.inference\.ai)\.azure\.(com|us|cn)|inference\.ai\.azure\.com|api\.cognitive\.microsoft\.com)$/;

/** Whether the model is known to think before it answers, in silence or aloud. */
export function isKnownToReason(name: string): boolean {
  return knownModel(bareName(name))?.reasoning_tokens ?? thinksSilently(name);
}

/** Whether the endpoint is OpenAI's own or Azure's, which refuse what a model does not understand. */
export function isOpenAi(baseUrl: string | undefined): boolean {
  if (!baseUrl || !URL.canParse(baseUrl)) return false;
  return OPENAI_HOSTS.test(new URL(baseUrl).hostname);
}

/** Models of others, which Azure serves as well. */
function isForeign(name: string): boolean {
  return /^(deepseek|llama|meta-|mistral|ministral|codestral|phi|grok|cohere|command|jamba|qwen|kimi|claude)/.test(
    name,
  );
}

function openAiDialect(name: string, known: KnownModel | undefined) {
  const reasoning = known?.reasoning_tokens ?? (/^(gpt-[5-9]|o\d)/.test(name) && !name.includes('chat'));
  const unsupportedSettings: ModelConfig['unsupportedSettings'] = reasoning
    ? ['temperature', 'top_p', 'stop']
    : ['reasoning_effort'];
  return { unsupportedSettings, maxTokensField: 'max_completion_tokens' as const };
}

/** OpenAI's models since GPT-4o. Deployments on its hosts have any name, and are taken for one of them. */
function vocabularyOf(name: string, baseUrl: string | undefined): ModelConfig['vocabulary'] {
  if (/^(gpt-(4o|4\.|[5-9]|oss|realtime|audio)|chatgpt-|chat-latest|codex|o\d)/.test(name)) return 'o200k';
  return isOpenAi(baseUrl) && !isForeign(name) && !/^gpt-(3|4)/.test(name) ? 'o200k' : 'other';
}

/** Without the maker that gateways put before it, and the variant behind it: `openai/gpt-5-mini`, `llama3:8b`. */
function bareName(name: string): string {
  return name.toLowerCase().split('/').at(-1)?.split(':')[0] ?? '';
}

/** The model, or the one of which it is a version: `gpt-5-mini-2026-01-01` is a `gpt-5-mini`. */
function knownModel(name: string): KnownModel | undefined {
  for (let known = name; known; known = known.slice(0, Math.max(known.lastIndexOf('-'), 0)))
    if (Object.hasOwn(knownModels, known) && /\d|latest/.test(known))
      return (knownModels as unknown as Record<string, KnownModel>)[known];
  return undefined;
}
