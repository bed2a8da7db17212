import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { ConfigError } from './config-error';
import {
  defaultMaxOutput,
  isKnownToReason,
  isOpenAi,
  modelDefaults,
  OPENAI_BASE_URL,
} from './model-defaults';
import type { ModelConfig, ModelsConfig, ProviderConfig } from './models-config';
import { modelReferenceProblems } from './models-references';
import {
  baseUrlProblem,
  type ModelEntry,
  type ModelOptions,
  modelsSchema,
  type ProviderEntry,
} from './models-schema';

const DEMO_MODEL = 'parley-demo';
const DEFAULT_MODEL = 'gpt-5-mini';

/**
 * Reads MODELS_FILE (YAML, and so JSON too): which providers there are and which models clients may ask for.
 * Secrets are named by environment variable (`api_key_env`, `headers_env`), never written in the file.
 * @throws {ConfigError} naming the place of every problem
 */
export function parseModelsFile(text: string, env: NodeJS.ProcessEnv): ModelsConfig {
  const result = modelsSchema(env).safeParse(parseYaml(text));
  if (!result.success) throw problems(result.error.issues.flatMap(describeIssue));
  const file = result.data;
  const references = modelReferenceProblems(file);
  if (references.length) throw problems(references);
  const providers = file.providers.map(toProvider);
  return {
    providers,
    models: file.models.map((entry) => toModel(entry, providers)),
    defaultModel: file.default_model ?? file.models[0].id,
  };
}

/** One provider and one model from OPENAI_*; the built-in demo if neither a key nor an endpoint is given. */
export function modelsFromEnvironment(options: {
  apiKey?: string;
  baseUrl?: string;
  model?: string;
}): ModelsConfig {
  const { apiKey, baseUrl } = options;
  if (!apiKey && !baseUrl) return demoModels();
  const problem = baseUrl ? baseUrlProblem(baseUrl) : undefined;
  if (problem) throw new ConfigError([`OPENAI_BASE_URL ${problem}`]);
  if (!apiKey && isOpenAi(baseUrl))
    throw new ConfigError(['OPENAI_API_KEY must be set for this OPENAI_BASE_URL']);
  const provider = toProvider({
    ...EMPTY_PROVIDER,
    name: 'openai',
    kind: 'openai',
    base_url: baseUrl,
    api_key_env: apiKey,
  });
  const id = options.model?.trim() || DEFAULT_MODEL;
  const model = toModel({ ...EMPTY_MODEL, id, provider: provider.name }, [provider]);
  return { providers: [provider], models: [model], defaultModel: id };
}

const EMPTY_PROVIDER = { headers: {}, headers_env: {}, query: {}, stream_usage: true };
const EMPTY_MODEL = {
  inputs: ['text' as const],
  settings: {},
  system_role: 'system' as const,
  extra_body: {},
  continuation: 'instruct' as const,
  think_tags: false,
  fallbacks: [],
};

function demoModels(): ModelsConfig {
  const provider = toProvider({ ...EMPTY_PROVIDER, name: 'demo', kind: 'demo' });
  const entry = { ...EMPTY_MODEL, id: DEMO_MODEL, provider: 'demo' };
  return { providers: [provider], models: [toModel(entry, [provider])], defaultModel: DEMO_MODEL };
}

function parseYaml(text: string): unknown {
  const document = parseDocument(text, { prettyErrors: true });
  // The library's messages quote the file, which may hold a secret by mistake.
  const errors = document.errors.map(
    ({ code, linePos }) => `is not valid YAML or JSON at line ${linePos?.[0].line} (${code})`,
  );
  if (errors.length) throw problems(errors);
  if (document.contents === null) throw problems(['is empty']);
  try {
    return document.toJS();
  } catch {
    throw problems(['cannot be read: too many or unknown YAML aliases']);
  }
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${place([...issue.path, key])} ${unknownKey(key)}`);
  }
  if (issue.code === 'invalid_key')
    return [`${place(issue.path)} ${issue.issues[0]?.message ?? 'is not allowed'}`];
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid'))
    return [`${place(issue.path)} has the wrong type`];
  return [`${place(issue.path)} ${issue.message}`];
}

function unknownKey(key: string): string {
  return /api_?key/i.test(key)
    ? 'is not allowed: name an environment variable in api_key_env'
    : 'is not known';
}

function place(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}${text && '.'}${String(key)}`),
    '',
  );
}

function problems(messages: string[]): ConfigError {
  return new ConfigError(messages.map((message) => `MODELS_FILE ${message.trim()}`));
}

/** The schema has put the variables' values in the place of their names. */
function toProvider(entry: ProviderEntry): ProviderConfig {
  return {
    name: entry.name,
    kind: entry.kind,
    baseUrl: entry.kind === 'demo' ? undefined : (entry.base_url ?? OPENAI_BASE_URL).replace(/\/+$/, ''),
    apiKey: entry.api_key_env,
    headers: { ...entry.headers, ...entry.headers_env },
    query: entry.query,
    streamUsage: entry.stream_usage,
    firstEventTimeoutMs: entry.first_event_timeout_ms,
    idleTimeoutMs: entry.idle_timeout_ms,
  };
}

function toModel(entry: ModelEntry, providers: ProviderConfig[]): ModelConfig {
  const provider = providers.find((candidate) => candidate.name === entry.provider);
  return {
    ...modelFrom({ ...entry, name: entry.name ?? entry.id }, provider?.baseUrl),
    price: entry.price,
    maxConcurrent: entry.max_concurrent,
    fallbacks: entry.fallbacks,
  };
}

/** A model of a provider at this address; what nobody has said of it is what is known of its name, or guessed. */
export function modelFrom(
  entry: ModelOptions & Pick<ModelConfig, 'id' | 'provider' | 'name'>,
  baseUrl: string | undefined,
): ModelConfig {
  const { id, provider, name } = entry;
  const defaults = modelDefaults(name, baseUrl);
  const contextWindow = entry.context_window ?? defaults.contextWindow;
  const known = defaults.outputIsGuessed ? undefined : defaults.maxOutputTokens;
  return {
    id,
    displayName: entry.display_name ?? id,
    description: entry.description,
    inputs: entry.inputs,
    reasoning: entry.reasoning ?? (entry.think_tags !== false || isKnownToReason(name)),
    provider,
    name,
    contextWindow,
    maxOutputTokens: entry.max_output_tokens ?? defaultMaxOutput(contextWindow, known),
    outputIsGuessed: entry.max_output_tokens === undefined && defaults.outputIsGuessed,
    vocabulary: defaults.vocabulary,
    unsupportedSettings: entry.unsupported_settings ?? defaults.unsupportedSettings,
    maxTokensField: entry.max_tokens_field ?? defaults.maxTokensField,
    settings: entry.settings,
    systemRole: entry.system_role,
    extraBody: entry.extra_body,
    continuation: entry.continuation,
    thinkTags: entry.think_tags,
    fallbacks: [],
  };
}
