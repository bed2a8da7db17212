import type { LlmConfig } from '../../src/config/app-config';
import type { ModelConfig, ModelSettings, ProviderConfig } from '../../src/config/models-config';
import type { LlmClient, ModelEnd, ModelPart, ModelRequest } from '../../src/llm/llm-client';
import { LlmError } from '../../src/llm/llm-error';

/** A provider at this base URL. */
export function testProvider(baseUrl: string, overrides: Partial<ProviderConfig> = {}): ProviderConfig {
  return {
    name: 'test',
    kind: 'openai',
    baseUrl,
    apiKey: 'test-key-0123456789',
    headers: {},
    query: {},
    streamUsage: true,
    ...overrides,
  };
}

export function testModel(overrides: Partial<ModelConfig> = {}): ModelConfig {
  return {
    id: 'test-model',
    displayName: 'test-model',
    inputs: ['text'],
    reasoning: false,
    provider: 'test',
    name: 'test-model-name',
    contextWindow: 128_000,
    maxOutputTokens: 4096,
    outputIsGuessed: false,
    vocabulary: 'o200k',
    systemRole: 'system',
    extraBody: {},
    unsupportedSettings: [],
    maxTokensField: 'max_tokens',
    settings: {},
    continuation: 'instruct',
    thinkTags: false,
    fallbacks: [],
    ...overrides,
  };
}

/** Limits that are short enough for a test, and long enough for a slow machine. */
export function testLimits(overrides: Partial<LlmConfig> = {}): LlmConfig {
  return {
    providers: [],
    models: [],
    defaultModel: 'test-model',
    connectTimeoutMs: 1000,
    firstEventTimeoutMs: 5000,
    idleTimeoutMs: 5000,
    totalTimeoutMs: 20_000,
    maxRetries: 0,
    maxReplyChars: 1_000_000,
    titles: { enabled: false, model: null },
    ...overrides,
  };
}

export function testRequest(
  provider: ProviderConfig,
  model: Partial<ModelConfig> = {},
  settings: ModelSettings = {},
): ModelRequest {
  return { provider, model: testModel(model), messages: [{ role: 'user', content: 'Hello?' }], settings };
}

/** All that a reply was, whichever way it ended. */
export interface CollectedReply<End = ModelEnd> {
  batches: ModelPart[][];
  text: string;
  reasoning: string;
  finish: End | undefined;
  error: unknown;
  /** The error's code if it is an LlmError. */
  code: string | undefined;
}

/** What `read` hands over until it settles. */
export async function collected<End extends Partial<ModelEnd>>(
  read: (take: (batch: ModelPart[]) => undefined) => Promise<End>,
): Promise<CollectedReply<End>> {
  const batches: ModelPart[][] = [];
  let error: unknown;
  // A batch without parts is a sign of life.
  const take = (batch: ModelPart[]) => void (batch.length && batches.push(batch));
  const finish = await read(take).catch((thrown: unknown) => void (error = thrown));
  const parts = batches.flat();
  return {
    batches,
    text: join(parts, 'text'),
    reasoning: join(parts, 'reasoning'),
    finish: finish ?? undefined,
    error,
    code: error instanceof LlmError ? error.code : undefined,
  };
}

export function call(client: LlmClient, request: ModelRequest, signal = new AbortController().signal) {
  return collected((take) => client.stream(request, signal, take));
}

function join(parts: ModelPart[], type: 'text' | 'reasoning'): string {
  return parts.map((part) => (part.type === type ? part.text : '')).join('');
}
