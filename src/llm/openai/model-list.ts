import { LlmError } from '../llm-error';
import { parseJson } from './provider-json';

/**
 * The names in OpenAI's list of models.
 * @throws {LlmError} `provider_invalid_response` if it is something else
 */
export function modelNames(text: string): string[] {
  const { data } = (parseJson(text) ?? {}) as { data?: unknown };
  if (!Array.isArray(data))
    throw new LlmError('provider_invalid_response', { retryable: false, detail: { reason: 'no_list' } });
  const names = data.map((entry) => (entry as { id?: unknown } | null)?.id);
  return [...new Set(names.filter((name) => typeof name === 'string'))];
}
