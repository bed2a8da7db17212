import type { ModelConfig, ModelSettings, ProviderConfig } from '../config/models-config';

export interface ModelMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
  /** Tokens of the content in `o200k_base`, if they have been counted. */
  tokens?: number;
}

/** A request to one model of one provider. */
export interface ModelRequest {
  provider: ProviderConfig;
  model: ModelConfig;
  /** Messages, oldest first. A last one of the assistant is an unfinished reply, of which the model writes only the rest. */
  messages: ModelMessage[];
  settings: ModelSettings;
  /** Trace that this call is part of (W3C Trace Context), if it is sent to the provider. */
  traceparent?: string;
  /** Called when the provider's answer begins, even if it is a refusal. */
  onHead?: (head: AnswerHead) => void;
}

/** Head of a provider's answer. */
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

/** Reason why the model ended. `other`: the provider gave a word that is not known. */
export type ModelFinishReason = 'stop' | 'length' | 'content_filter' | 'tool_calls' | 'other';

/** A stretch of text by a model. */
export type ModelPart = { type: 'text'; text: string } | { type: 'reasoning'; text: string };

/** A call of a tool that a model was offered. */
export interface ModelToolCall {
  /** The provider's own id. */
  id: string;
  name: string;
  /** JSON text as the model wrote it. */
  arguments: string;
}

/** End of a reply by a model. */
export interface ModelEnd {
  reason: ModelFinishReason;
  /** The provider's own word for the reason; null if it gave none, and the end is assumed. */
  word: string | null;
  usage: TokenUsage | null;
  /** Empty as yet: no tool is offered, and a call of a tool fails as `unexpected_tool_call`. */
  toolCalls: ModelToolCall[];
}

/**
 * Takes a reply's parts as they arrive; an empty batch is a sign of life of a model that has no text yet. While the promise that it returned is
 * pending, it is given no more.
 */
export type PartsListener = (parts: ModelPart[]) => Promise<void> | undefined;

/**
 * Client of one kind of provider: no other code knows its wire format.
 *
 * Passes parts to the listener in the order in which they arrived, in batches of those that arrived together. `text` is never empty, well-formed
 * UTF-16 and free of NUL. A listener is used and not an async iterator, which would cost every token several turns of the microtask queue.
 */
export abstract class LlmClient {
  /**
   * Requests a reply. Resolves to its end once all of its parts are taken, even if the signal has aborted since the model ended.
   * @throws {LlmError} if the reply fails; `signal.reason` if the signal aborts, which closes the connection; what the listener throws, which
   *   closes it too
   */
  abstract stream(request: ModelRequest, signal: AbortSignal, listener: PartsListener): Promise<ModelEnd>;
}
