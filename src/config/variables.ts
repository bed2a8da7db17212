import { z } from 'zod';
import { HTTP_BOUNDS, IDENTITY_BOUNDS, PROVIDER_BOUNDS, STORAGE_BOUNDS } from './bounds';
import {
  byteSize,
  choice,
  flag,
  isCidr,
  isDnsServer,
  isEncryptionKey,
  isHeaderPair,
  isHost,
  isHostName,
  isMailServer,
  isOrigin,
  isUserId,
  list,
  optionalWholeNumber,
  url,
  wholeNumber,
} from './variable-types';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Every environment variable that the service reads. `.env.example` explains exactly these. */
export const VARIABLES = {
  NODE_ENV: choice(['production', 'development', 'test']).default('development'),
  PORT: wholeNumber(0, 65_535, 3000),
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]{1,253}$/, 'must be an address or a host name')
    .default('127.0.0.1'),
  API_DOCS: flag().optional(),
  PAGE: choice(['on', 'off']).optional(),
  PAGE_DIR: z.string().optional(),
  PUBLIC_URL: url(['http:', 'https:']).optional(),
  SHARING: choice(['on', 'off']).default('on'),
  SMTP_URL: url(['smtp:', 'smtps:'])
    .refine(isMailServer, 'must name a host, and a % in its user or password must be written as %25')
    .optional(),
  SMTP_FROM: z
    .string()
    .regex(/^[^\r\n]{3,320}$/, 'must be an address such as Parley <parley@example.com>')
    .refine((text) => text.includes('@'), 'must be an address such as Parley <parley@example.com>')
    .optional(),
  TRUSTED_PROXIES: list(isCidr, 'must be a comma-separated list of addresses or CIDR ranges'),
  ALLOWED_HOSTS: list(isHostName, 'must be a comma-separated list of host names without ports'),
  HTTP_BODY_LIMIT: byteSize(1024, 64 * 1024 ** 2, 1024 ** 2),
  CORS_ORIGINS: list(isOrigin, 'must be a comma-separated list of origins such as https://chat.example.com'),

  DATABASE_URL: url(['postgres:', 'postgresql:']).optional(),
  DATA_DIR: z.string().default('./data'),
  DB_POOL_MAX: wholeNumber(1, 1000, 10),
  DB_CONNECTION_TIMEOUT_MS: wholeNumber(100, 10 * MINUTE_MS, 5000),
  DB_STATEMENT_TIMEOUT_MS: wholeNumber(100, HOUR_MS, 4000),

  AUTH_MODE: choice(['header', 'token', 'jwks']).default('header'),
  AUTH_PROXY_SECRET: z
    .string()
    .regex(/^[\x21-\x7e]{16,512}$/, 'must be 16 to 512 printable characters without spaces')
    .optional(),
  AUTH_TRUSTED_PROXIES: list(isCidr, 'must be a comma-separated list of addresses or CIDR ranges'),
  DEFAULT_USER_ID: z
    .string()
    .refine(
      isUserId,
      'must be 1 to 128 printable ASCII characters without spaces, commas, slashes, percent signs and quotes',
    )
    .optional(),
  AUTH_REGISTRATION: choice(['open', 'closed']).default('open'),
  JWT_SECRET: z.string().min(32, 'must be at least 32 characters long').optional(),
  JWKS_URL: url(['http:', 'https:']).optional(),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  ACCESS_TOKEN_TTL_S: wholeNumber(30, 24 * 3600, 900),
  REFRESH_TOKEN_TTL_S: wholeNumber(60, 366 * 24 * 3600, 30 * 24 * 3600),
  REAUTHENTICATION_MAX_AGE_S: wholeNumber(1, 24 * 3600, IDENTITY_BOUNDS.reauthenticationAge.limit / 1000),
  AUDIT_RETENTION_DAYS: wholeNumber(0, 36_500, STORAGE_BOUNDS.auditRetention.limit / DAY_MS),

  OPENAI_API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'must be printable characters without spaces: the key alone, without `Bearer `')
    .optional(),
  OPENAI_BASE_URL: url(['http:', 'https:']).optional(),
  OPENAI_MODEL: z.string().optional(),
  MODELS_FILE: z.string().optional(),
  TITLE_MODEL: z.string().optional(),
  LLM_CONNECT_TIMEOUT_MS: wholeNumber(100, 5 * MINUTE_MS, 10_000),
  LLM_FIRST_EVENT_TIMEOUT_MS: wholeNumber(100, HOUR_MS, MINUTE_MS),
  LLM_IDLE_TIMEOUT_MS: wholeNumber(100, HOUR_MS, MINUTE_MS),
  LLM_TOTAL_TIMEOUT_MS: wholeNumber(100, 24 * HOUR_MS, 10 * MINUTE_MS),
  LLM_MAX_RETRIES: wholeNumber(0, 10, 2),
  LLM_MAX_REPLY_CHARS: wholeNumber(1, 50_000_000, PROVIDER_BOUNDS.replyCharacters.limit),

  RATE_LIMITS: choice(['on', 'off']).default('on'),
  RATE_LIMIT_ADDRESS: wholeNumber(0, 10_000_000, HTTP_BOUNDS.requestsOfNetwork.limit),
  RATE_LIMIT_IDENTITY: wholeNumber(0, 10_000_000, HTTP_BOUNDS.requestsOfIdentity.limit),
  RATE_LIMIT_CHAT: wholeNumber(0, 10_000_000, HTTP_BOUNDS.turnsOfIdentity.limit),
  RATE_LIMIT_LOGIN: wholeNumber(0, 10_000_000, IDENTITY_BOUNDS.logins.limit),
  MAX_OPEN_STREAMS_PER_USER: optionalWholeNumber(0, 1_000_000),
  QUOTA_TOKENS_PER_DAY: wholeNumber(0, 1_000_000_000_000, 0),
  QUOTA_RUNNING_REPLIES: optionalWholeNumber(0, 1_000_000),
  QUOTA_STORED_BYTES: byteSize(0, 1024 ** 4, 0),

  ENCRYPTION_KEY: z
    .string()
    .refine(isEncryptionKey, 'must be 32 bytes in base64, e.g. from `openssl rand -base64 32`')
    .optional(),
  ENCRYPTION_KEYS_PREVIOUS: list(
    isEncryptionKey,
    'must be a comma-separated list of 32 bytes each in base64',
  ),
  PROVIDER_ALLOWED_HOSTS: list(
    isHost,
    'must be a comma-separated list of hosts, each with or without a port',
  ),
  PROVIDER_DNS_SERVERS: list(
    isDnsServer,
    'must be a comma-separated list of addresses, each with or without a port',
  ),

  CHAT_MAX_CONTENT_CHARS: wholeNumber(1, 10_000_000, 100_000),
  REPLY_DURABILITY: choice(['standard', 'strict']).default('standard'),
  SSE_HEARTBEAT_MS: wholeNumber(100, 15_000, 15_000),
  SHUTDOWN_GRACE_S: wholeNumber(0, 3600, 25),

  METRICS_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{16,512}$/, 'must be 16 to 512 printable characters without spaces')
    .optional(),
  METRICS_PORT: optionalWholeNumber(0, 65_535),
  METRICS_HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]{1,253}$/, 'must be an address or a host name')
    .default('127.0.0.1'),

  OTEL_EXPORTER_OTLP_ENDPOINT: url(['http:', 'https:']).optional(),
  OTEL_EXPORTER_OTLP_HEADERS: list(isHeaderPair, 'must be a comma-separated list of name=value'),
  OTEL_SERVICE_NAME: z.string().default('parley'),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0(\.\d{1,6})?|1(\.0+)?)$/, 'must be a number from 0 to 1')
    .default('1'),

  LOG_LEVEL: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  LOG_FORMAT: choice(['json', 'pretty']).optional(),
  LOG_CONTENT: flag().default(false),
};

type Schema = z.ZodObject<typeof VARIABLES>;
export type Variables = z.output<Schema>;

/** Names and messages of what is wrong, in the order of the table. */
export type Problems = Map<string, string>;

/** Reads every variable; an empty one counts as absent. What cannot be read is added to `problems` and left out. */
export function readVariables(env: NodeJS.ProcessEnv, problems: Problems): Partial<Variables> {
  const values: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries<z.ZodType>(VARIABLES)) {
    const result = schema.safeParse(env[name]?.trim() || undefined);
    if (result.success) values[name] = result.data;
    else problems.set(name, result.error.issues[0]?.message ?? 'is not valid');
  }
  return values;
}
