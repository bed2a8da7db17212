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
  'contextWindow' | 'maxOutputTokens' | 'unsupportedSettings' | 'maxTokensField'
>;

/** What is assumed of a model that the operator only named. */
export function modelDefaults(name: string, baseUrl: string | undefined): ModelDefaults {
  const known = knownModel(name);
  const contextWindow = known?.context_window ?? FALLBACK_WINDOW;
  return {
    contextWindow,
    maxOutputTokens: defaultMaxOutput(contextWindow, known?.max_output_tokens),
    ...(isOpenAi(baseUrl)
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

/** Whether the model is known to think before it answers, in silence or aloud. */
export function isKnownToReason(name: string): boolean {
  return knownModel(name)?.reasoning_tokens ?? thinksSilently(name);
}

/** Whether the endpoint is OpenAI's own or Azure's, which refuse what a model does not understand. */
export function isOpenAi(baseUrl: string | undefined): boolean {
  if (!baseUrl || !URL.canParse(baseUrl)) return false;
  return /(^|\.)(api\.openai\.com|openai\.azure\.com)$/.test(new URL(baseUrl).hostname);
}

function openAiDialect(name: string, known: KnownModel | undefined) {
  const reasoning = known?.reasoning_tokens ?? (/^(gpt-5|o\d)/.test(name) && !name.includes('chat'));
  const unsupportedSettings: ModelConfig['unsupportedSettings'] = reasoning
    ? ['temperature', 'top_p', 'stop']
    : ['reasoning_effort'];
  return { unsupportedSettings, maxTokensField: 'max_completion_tokens' as const };
}

function knownModel(name: string): KnownModel | undefined {
  if (!Object.hasOwn(knownModels, name)) return undefined;
  return (knownModels as unknown as Record<string, KnownModel>)[name];
}
