import type { ModelConfig, ModelSettings } from '../../config/models-config';
import type { ModelRequest } from '../llm-client';
import { continuedMessages, type SentMessage } from './continuation';
import type { RequestFields } from './refused-parameters';

/**
 * The body of `POST /chat/completions`. A client's settings win over the model's, the operator's `extra_body` over both, and what the model is
 * known not to understand is not sent.
 */
export function requestBody(request: ModelRequest): RequestFields {
  const { model, provider } = request;
  const { max_output_tokens: asked, ...others } = sentSettings(request);
  const { messages, ...marks } = continuedMessages(request);
  return {
    model: model.name,
    messages: withSystemRole(messages, model.systemRole),
    ...marks,
    stream: true,
    ...(provider.streamUsage && { stream_options: { include_usage: true } }),
    ...others,
    ...(asked !== undefined && { [model.maxTokensField]: atMost(asked, model) }),
    ...model.extraBody,
  };
}

/** A guess limits nothing. */
function atMost(asked: number, { maxOutputTokens, outputIsGuessed }: ModelConfig): number {
  return outputIsGuessed ? asked : Math.min(asked, maxOutputTokens);
}

function sentSettings({ model, settings }: ModelRequest): ModelSettings {
  const merged = { ...model.settings, ...withoutUndefined(settings) };
  for (const name of model.unsupportedSettings) delete merged[name];
  // An empty list of stop words is an error with several providers.
  if (merged.stop?.length === 0) delete merged.stop;
  return merged;
}

function withoutUndefined(settings: ModelSettings): ModelSettings {
  return Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined && value !== null),
  );
}

/** A system prompt that goes as a user's message is the beginning of the first one: strict templates take no two in a row. */
function withSystemRole(messages: SentMessage[], systemRole: ModelConfig['systemRole']): SentMessage[] {
  const [first, second, ...rest] = messages;
  if (first?.role !== 'system' || systemRole === 'system') return messages;
  if (systemRole === 'developer') return [{ ...first, role: 'developer' }, ...messages.slice(1)];
  if (second?.role !== 'user') return [{ role: 'user', content: first.content }, ...messages.slice(1)];
  return [{ role: 'user', content: `${first.content}\n\n${second.content}` }, ...rest];
}
