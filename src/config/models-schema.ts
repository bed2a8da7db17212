import { z } from 'zod';
import { secretOf } from './secret-files';
import { MODEL_INPUTS } from './models-config';

/*
 * The shape of MODELS_FILE. Messages follow the name of a place, and none may repeat a value: it can be a secret.
 */

const NAME = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}$/;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,199}$/;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
const SECRET_HEADER = /^(authorization|proxy-authorization|cookie|.*(key|token|secret).*)$/i;
/** Providers add words of their own from time to time. */
export const REASONING_EFFORT = /^[a-z][a-z0-9_-]{0,31}$/;
const MAX_TOKENS = 100_000_000;
const MAX_CONCURRENT = 10_000;
const MAX_TIMEOUT_MS = 24 * 60 * 60 * 1000;

/** Fields of a request's body that only the service fills. */
const OWN_FIELDS = ['model', 'messages', 'stream'];

const name = z.string('must be text').regex(NAME, 'must be 1 to 200 letters, digits and . _ : / @ + -');
const flag = z.boolean('must be true or false');
const tokens = wholeNumber(1, MAX_TOKENS);
const timeout = wholeNumber(1, MAX_TIMEOUT_MS).optional();

const settings = z.strictObject({
  temperature: number(0, 2).optional(),
  top_p: number(0, 1).optional(),
  max_output_tokens: tokens.optional(),
  stop: z
    .array(z.string('must be text').min(1, 'must not be empty'))
    .max(4, 'must have at most 4 entries')
    .optional(),
  seed: wholeNumber(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER).optional(),
  reasoning_effort: z
    .string('must be text')
    .regex(REASONING_EFFORT, 'must be a word of 1 to 32 small letters, digits, - and _')
    .optional(),
});

const settingName = z.enum(settings.keyof().options, 'must be the name of a setting');

const model = z.strictObject({
  id: name,
  provider: name,
  name: name.optional(),
  display_name: shownText(100).optional(),
  description: shownText(1000).optional(),
  inputs: z
    .array(z.enum(MODEL_INPUTS, `must be ${MODEL_INPUTS.join(' or ')}`), 'must be a list')
    .refine((inputs) => inputs.includes('text'), 'must have text')
    .refine((inputs) => new Set(inputs).size === inputs.length, 'must not repeat itself')
    .default(['text']),
  reasoning: flag.optional(),
  context_window: tokens.optional(),
  max_output_tokens: tokens.optional(),
  unsupported_settings: z.array(settingName).optional(),
  max_tokens_field: z
    .enum(['max_tokens', 'max_completion_tokens'], 'must be max_tokens or max_completion_tokens')
    .optional(),
  settings: settings.default({}),
  system_role: z.enum(['system', 'developer', 'user'], 'must be system, developer or user').default('system'),
  extra_body: z
    .record(z.string(), z.unknown(), 'must have named fields')
    .refine(
      (body) => !OWN_FIELDS.some((field) => Object.hasOwn(body, field)),
      `must not have ${OWN_FIELDS.join(', ')}`,
    )
    .default({}),
  continuation: z
    .enum(
      ['instruct', 'prefill', 'prefix', 'partial', 'final_message'],
      'must be instruct, prefill, prefix, partial or final_message',
    )
    .default('instruct'),
  think_tags: z
    .union([z.boolean(), z.literal('open')], { error: 'must be true, false or open' })
    .default(false),
  price: z.strictObject({ input: number(0, 1e6), output: number(0, 1e6) }).optional(),
  fallbacks: z.array(name).default([]),
  max_concurrent: wholeNumber(1, MAX_CONCURRENT).optional(),
});

/** What can be said of a model, wherever it comes from. */
export const modelOptions = model.omit({
  id: true,
  provider: true,
  name: true,
  price: true,
  fallbacks: true,
});
export type ModelOptions = z.output<typeof modelOptions>;

/** Empty also where its file cannot be read. */
function secretIn(env: NodeJS.ProcessEnv, key: string): string {
  try {
    return secretOf(env, key) ?? '';
  } catch {
    return '';
  }
}

/** The file's schema; names of environment variables are looked up in `env`. */
export function modelsSchema(env: NodeJS.ProcessEnv) {
  const variable = z
    .string('must be the name of an environment variable')
    .regex(VARIABLE_NAME, 'must be the name of an environment variable')
    .refine((key) => Boolean(secretIn(env, key)), 'names an environment variable that is not set')
    .refine(
      (key) => /^[\x21-\x7e]*$/.test(secretIn(env, key)),
      'names a variable with spaces or unprintable characters: a key is given alone, without `Bearer `',
    )
    .transform((key) => secretIn(env, key));
  const provider = z.strictObject({
    name,
    kind: z.enum(['openai', 'demo'], 'must be openai or demo').default('openai'),
    base_url: baseUrl().optional(),
    api_key_env: variable.optional(),
    headers: z.record(headerName(), headerValue()).default({}),
    headers_env: z.record(z.string().regex(HEADER_NAME, 'is not a header name'), variable).default({}),
    query: z.record(z.string(), z.string('must be text')).default({}),
    stream_usage: flag.default(true),
    first_event_timeout_ms: timeout,
    idle_timeout_ms: timeout,
  });
  return z.strictObject({
    providers: z.array(provider, 'must be a list').min(1, 'must have at least one entry'),
    models: z.array(model, 'must be a list').min(1, 'must have at least one entry'),
    default_model: name.optional(),
  });
}

export type ModelsFile = z.output<ReturnType<typeof modelsSchema>>;
export type ProviderEntry = ModelsFile['providers'][number];
export type ModelEntry = ModelsFile['models'][number];

/** What is wrong with a provider's base URL, or undefined. */
export function baseUrlProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol))
    return 'must be a URL that begins with http:// or https://';
  if (url.username || url.password) return 'must not contain credentials';
  if (url.search || url.hash) return 'must not have a query or a fragment';
  return undefined;
}

function baseUrl() {
  return z.string('must be text').superRefine((text, context) => {
    const message = baseUrlProblem(text);
    if (message) context.addIssue({ code: 'custom', message });
  });
}

function headerName() {
  return z
    .string()
    .regex(HEADER_NAME, 'is not a header name')
    .refine((text) => !SECRET_HEADER.test(text), 'looks like a secret: use headers_env');
}

function headerValue() {
  return z.string('must be text').regex(/^[\x20-\x7e]*$/, 'must be printable ASCII');
}

/** What people read: not blank, and without characters that are not seen. */
function shownText(max: number) {
  const message = `must be 1 to ${max} characters on one line`;
  return z
    .string(message)
    .trim()
    .regex(new RegExp(`^[^\\p{C}]{1,${max}}$`, 'u'), message);
}

function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z.int(message).min(min, message).max(max, message);
}

function number(min: number, max: number) {
  const message = `must be a number from ${min} to ${max}`;
  return z.number(message).min(min, message).max(max, message);
}
