import type { ChatCompletionCreateParamsStreaming } from 'openai/resources/chat/completions';
import type { ModelSettings } from '../../config/models-config';
import type { ModelRequest } from '../llm-client';
import { continuedMessages } from './continuation';

/** The body of `POST /chat/completions`. A client's settings win over the model's, and what the model refuses is not sent. */
export function requestBody(request: ModelRequest): ChatCompletionCreateParamsStreaming {
  const { model, provider } = request;
  const settings = sentSettings(request);
  const { max_output_tokens: asked, ...others } = settings;
  const limit = asked === undefined ? undefined : Math.min(asked, model.maxOutputTokens);
  return {
    model: model.name,
    ...continuedMessages(request),
    stream: true,
    ...(provider.streamUsage && { stream_options: { include_usage: true } }),
    ...others,
    ...(limit !== undefined && { [model.maxTokensField]: limit }),
  };
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
