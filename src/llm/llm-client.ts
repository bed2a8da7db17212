import type { ModelConfig, ModelSettings, ProviderConfig } from '../config/models-config';

export interface ModelMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** What is asked of one model of one provider. */
export interface ModelRequest {
  provider: ProviderConfig;
  model: ModelConfig;
  /** Where the last one is the assistant's, it is an unfinished reply, and only what follows it is wanted. */
  messages: ModelMessage[];
  settings: ModelSettings;
}

/** Tokens as the provider counted them (`estimated: false`) or as we did. `input_tokens` includes cached ones. */
export interface TokenUsage {
  input_tokens: number;
  output_tokens: number;
  reasoning_tokens?: number;
  cached_input_tokens?: number;
  estimated: boolean;
}

/** Why the model ended. `other` keeps the provider's own word in `raw`. */
export type ModelFinishReason = 'stop' | 'length' | 'content_filter' | 'tool_calls' | 'other';

export type ModelPart =
  | { type: 'text'; text: string }
  | { type: 'reasoning'; text: string }
  | { type: 'finish'; reason: ModelFinishReason; raw?: string; usage: TokenUsage | null };

/**
 * One conversation with a model: the provider's wire format ends here.
 *
 * Yields batches of parts in the order in which they arrived (a batch is what arrived together, so a part that arrives
 * alone leaves alone) and at most one `finish`, which is the last part. `text` is never empty, well-formed UTF-16 and free of NUL.
 * Ends without `finish` only by throwing an `LlmError`. Aborting `signal` closes the connection and makes the iteration throw
 * `signal.reason`; leaving the iteration early closes it too.
 */
export abstract class LlmClient {
  abstract stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelPart[]>;
}
