/** An LLM endpoint and its credential. `demo` is built in and talks to no network. */
export interface ProviderConfig {
  name: string;
  kind: 'openai' | 'demo';
  baseUrl?: string;
  apiKey?: string;
  /** Sent with each request, e.g. an Azure `api-key`. */
  headers: Record<string, string>;
  /** Added to the request's query, e.g. Azure's `api-version`. */
  query: Record<string, string>;
  /** Ask for usage with `stream_options.include_usage`. */
  streamUsage: boolean;
  /** Overrides of the general limits, for providers that queue. */
  firstEventTimeoutMs?: number;
  idleTimeoutMs?: number;
  /** This user has named its address: only public ones are called, and those that the operator allows. */
  guarded?: { userId: string };
}

/** Generation settings by their wire names; absent ones are left to the model. */
export interface ModelSettings {
  temperature?: number;
  top_p?: number;
  max_output_tokens?: number;
  stop?: string[];
  seed?: number;
  /** A word of the provider: `low`, `high`, `xhigh`, … */
  reasoning_effort?: string;
}

/** Kinds of input that a model takes. */
export const MODEL_INPUTS = ['text', 'image'] as const;
export type ModelInput = (typeof MODEL_INPUTS)[number];

/** A name that clients may ask for. */
export interface ModelConfig {
  id: string;
  /** The name that people are shown instead of the id. */
  displayName: string;
  description?: string;
  inputs: readonly ModelInput[];
  /** It thinks before it answers, whether or not the provider shows the thoughts. */
  reasoning: boolean;
  /** `ProviderConfig.name` */
  provider: string;
  /** The provider's own name of it. */
  name: string;
  /** Tokens of prompt and answer together. */
  contextWindow: number;
  /** Tokens kept free for the answer, and the most that a client may ask for, unless they are a guess. */
  maxOutputTokens: number;
  /** Nobody has said how long an answer may be: `maxOutputTokens` limits nothing that is asked for. */
  outputIsGuessed: boolean;
  /** How the model's provider counts: `o200k_base`, as we do, or in a way that we only estimate. */
  vocabulary: 'o200k' | 'other';
  /** Which of the client's settings the model understands; the others are not sent. */
  unsupportedSettings: (keyof ModelSettings)[];
  /** Name of the body field that limits the answer. */
  maxTokensField: 'max_tokens' | 'max_completion_tokens';
  settings: ModelSettings;
  /** The role in which the system prompt is sent. */
  systemRole: 'system' | 'developer' | 'user';
  /** Further fields of each request's body, which win over ours. */
  extraBody: Record<string, unknown>;
  /** The answer begins with `<think>…</think>` in its text; `open`: without the first tag, which the template holds. */
  thinkTags: boolean | 'open';
  /**
   * How the provider is made to go on with a reply: `instruct`, by a request in words (any provider); `prefill`, by ending the
   * messages with it (llama.cpp, Ollama, Claude); `prefix` (DeepSeek), `partial` (Qwen, Moonshot) or `final_message` (vLLM,
   * SGLang), by marking it as unfinished in their ways.
   */
  continuation: 'instruct' | 'prefill' | 'prefix' | 'partial' | 'final_message';
  /** US dollars per million tokens. */
  price?: { input: number; output: number };
  /** Model ids tried in this order when this one fails before its first event. */
  fallbacks: string[];
  /** How many replies of this process it makes at once, whatever else may be running at its provider; absent: any number. */
  maxConcurrent?: number;
}

export interface ModelsConfig {
  providers: ProviderConfig[];
  models: ModelConfig[];
  /** `ModelConfig.id` */
  defaultModel: string;
}
