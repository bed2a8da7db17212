import type { ModelConfig, ModelSettings, ProviderConfig } from '../config/models-config';

export interface ModelMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
  /** Of the content in `o200k_base`, if they have been counted. */
  tokens?: number;
}

/** What is asked of one model of one provider. */
export interface ModelRequest {
  provider: ProviderConfig;
  model: ModelConfig;
  /** Where the last one is the assistant's, it is an unfinished reply, and only what follows it is wanted. */
  messages: ModelMessage[];
  settings: ModelSettings;
  /** The trace that this call is part of (W3C Trace Context), if the provider is to know. */
  traceparent?: string;
  /** Hears that the provider's answer begins, be it a refusal. */
  onHead?: (head: AnswerHead) => void;
}

/** What a provider's answer begins with. */
export interface AnswerHead {
  /** HTTP status. */
  status: number;
  /** The provider's own id of the request. */
  requestId?: string;
}

/** Tokens as the provider counted them (`estimated: false`) or as we did. `input_tokens` includes cached ones. */
export interface TokenUsage {
  input_tokens: number;
  output_tokens: number;
  reasoning_tokens?: number;
  cached_input_tokens?: number;
  estimated: boolean;
}

/** Why the model ended. `other`: by the provider's own word, which is not known. */
export type ModelFinishReason = 'stop' | 'length' | 'content_filter' | 'tool_calls' | 'other';

/** A stretch of what a model writes. */
export type ModelPart = { type: 'text'; text: string } | { type: 'reasoning'; text: string };

/** A call of a tool that a model was offered. */
export interface ModelToolCall {
  /** The provider's own id. */
  id: string;
  name: string;
  /** JSON text as the model wrote it. */
  arguments: string;
}

/** How a model has ended its reply. */
export interface ModelEnd {
  reason: ModelFinishReason;
  /** The provider's own word for it; null if it gave none, and the end is assumed. */
  word: string | null;
  usage: TokenUsage | null;
  /** Empty: no tool is offered yet, and a call that nobody asked for fails as `unexpected_tool_call`. */
  toolCalls: ModelToolCall[];
}

/**
 * Takes a reply's parts as they arrive; none are a sign of life of a model that says nothing yet. While what it answers has not settled, it is
 * given no more.
 */
export type PartsListener = (parts: ModelPart[]) => Promise<void> | undefined;

/**
 * One conversation with a model: the provider's wire format ends here.
 *
 * Hands on batches of parts in the order in which they arrived (a batch is what arrived together, so a part that arrives
 * alone leaves alone). `text` is never empty, well-formed UTF-16 and free of NUL.
 * Called rather than iterated over, which would cost every token several turns of the microtask queue.
 */
export abstract class LlmClient {
  /**
   * Resolves to the reply's end once all of its parts are taken, even if the signal has aborted since the model ended.
   * @throws {LlmError} if the reply fails; `signal.reason` if the signal aborts, which closes the connection; what the listener throws, which
   *   closes it too
   */
  abstract stream(request: ModelRequest, signal: AbortSignal, listener: PartsListener): Promise<ModelEnd>;
}
