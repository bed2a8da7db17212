import type { ModelFinishReason } from '../llm-client';
import { LlmError } from '../llm-error';

const REASONS: Record<string, ModelFinishReason> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
  sensitive: 'content_filter',
};

/**
 * A provider's `finish_reason` in our words.
 * @throws {LlmError} for the words that report a failure
 */
export function finishReason(raw: string): { reason: ModelFinishReason; raw?: string } {
  if (raw === 'insufficient_system_resource')
    throw new LlmError('provider_overloaded', { detail: { reason: raw } });
  if (raw === 'network_error') throw new LlmError('provider_unavailable', { detail: { reason: raw } });
  const reason = Object.hasOwn(REASONS, raw) ? REASONS[raw] : undefined;
  return reason ? { reason } : { reason: 'other', raw: raw.slice(0, 64) };
}
