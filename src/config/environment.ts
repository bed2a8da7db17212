import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  AppConfig,
  type AuthConfig,
  type DatabaseConfig,
  type HttpConfig,
  type LimitsConfig,
  type LlmConfig,
  type OwnProvidersConfig,
  type QuotasConfig,
  type TitlesConfig,
} from './app-config';
import { checkAuth } from './auth-checks';
import { HTTP_BOUNDS, OPEN_ANSWER_BOUNDS, REPLY_BOUNDS } from './bounds';
import { ConfigError } from './config-error';
import type { ModelConfig, ModelsConfig } from './models-config';
import { isLoopbackHost } from './network';
import { toMetrics, toTraces } from './observability-config';
import { readModels, unreadable } from './read-models';
import { withSecretFiles } from './secret-files';
import { type Problems, readVariables, type Variables } from './variables';

/** `TITLE_MODEL` that means none. */
const NO_TITLES = 'off';

/**
 * Validates the environment and turns it into the configuration. Variables that are empty count as absent.
 * @throws {ConfigError} naming every variable that is wrong
 */
export function parseAppConfig(given: NodeJS.ProcessEnv, isTerminal = process.stdout.isTTY): AppConfig {
  const problems: Problems = new Map();
  const env = withSecretFiles(given, problems);
  const partial = readVariables(env, problems);
  checkBodyLimit(partial, problems);
  checkProduction(partial, problems);
  checkAuth(partial, problems);
  checkPageDir(partial, problems);
  checkMetrics(partial, problems);
  checkMail(partial, problems);
  const modelProblems: string[] = [];
  const models = readModels(partial, env, modelProblems);
  if (models) checkTitleModel(partial, models, problems);
  const all = [...[...problems].map(([name, message]) => `${name} ${message}`), ...modelProblems];
  if (all.length > 0 || !models) throw new ConfigError(all);
  return toAppConfig(partial as Variables, models, isTerminal);
}

/** The longest message that is allowed must fit into a request: four bytes a character, and room for the other fields. */
function checkBodyLimit(
  { HTTP_BODY_LIMIT, CHAT_MAX_CONTENT_CHARS }: Partial<Variables>,
  problems: Problems,
): void {
  if (HTTP_BODY_LIMIT === undefined || CHAT_MAX_CONTENT_CHARS === undefined) return;
  const needed = CHAT_MAX_CONTENT_CHARS * 4 + 8 * 1024;
  if (HTTP_BODY_LIMIT >= needed) return;
  problems.set(
    'HTTP_BODY_LIMIT',
    `must be at least ${needed} bytes to hold CHAT_MAX_CONTENT_CHARS characters`,
  );
}

function checkProduction(values: Partial<Variables>, problems: Problems): void {
  if (values.NODE_ENV !== 'production') return;
  if (values.CORS_ORIGINS?.includes('*'))
    problems.set('CORS_ORIGINS', 'must not be * with NODE_ENV=production');
}

/** A link in a mail must lead here, whatever `Host` a stranger's request has named. */
function checkMail(
  { SMTP_URL, SMTP_FROM, PUBLIC_URL, NODE_ENV }: Partial<Variables>,
  problems: Problems,
): void {
  if (SMTP_URL === undefined) return;
  if (SMTP_FROM === undefined && !problems.has('SMTP_FROM'))
    problems.set('SMTP_FROM', 'must be set with SMTP_URL');
  if (NODE_ENV === 'production' && PUBLIC_URL === undefined && !problems.has('PUBLIC_URL'))
    problems.set('PUBLIC_URL', 'must be set with NODE_ENV=production and SMTP_URL');
}

function checkMetrics({ METRICS_PORT, PORT }: Partial<Variables>, problems: Problems): void {
  if (METRICS_PORT !== undefined && METRICS_PORT !== 0 && METRICS_PORT === PORT)
    problems.set(
      'METRICS_PORT',
      'must be another port than PORT, or left out: with METRICS_TOKEN metrics are at /metrics',
    );
}

function checkPageDir({ PAGE_DIR }: Partial<Variables>, problems: Problems): void {
  if (PAGE_DIR === undefined) return;
  try {
    if (!statSync(PAGE_DIR).isDirectory()) problems.set('PAGE_DIR', 'must be a folder');
  } catch (error) {
    problems.set('PAGE_DIR', unreadable(error, PAGE_DIR));
  }
}

function checkTitleModel(
  { TITLE_MODEL: id }: Partial<Variables>,
  { models }: ModelsConfig,
  problems: Problems,
): void {
  if (id && id !== NO_TITLES && !models.some((model) => model.id === id))
    problems.set('TITLE_MODEL', 'must be the id of a model, or off');
}

function toAppConfig(values: Variables, models: ModelsConfig, isTerminal: boolean): AppConfig {
  return new AppConfig({
    http: toHttp(values),
    mail: { smtpUrl: values.SMTP_URL, from: values.SMTP_FROM ?? '' },
    sharing: { enabled: values.SHARING === 'on' },
    database: toDatabase(values),
    auth: toAuth(values),
    audit: { retentionDays: values.AUDIT_RETENTION_DAYS },
    limits: toLimits(values),
    quotas: toQuotas(values),
    ownProviders: toOwnProviders(values),
    llm: toLlm(values, models),
    chat: {
      maxContentChars: values.CHAT_MAX_CONTENT_CHARS,
      heartbeatMs: values.SSE_HEARTBEAT_MS,
      durability: values.REPLY_DURABILITY,
      shutdownGraceMs: values.SHUTDOWN_GRACE_S * 1000,
    },
    log: {
      level: values.LOG_LEVEL,
      format: values.LOG_FORMAT ?? (isTerminal ? 'pretty' : 'json'),
      content: values.LOG_CONTENT && values.LOG_LEVEL === 'trace',
    },
    metrics: toMetrics(values),
    traces: toTraces(values),
  });
}

function toHttp(values: Variables): HttpConfig {
  const production = values.NODE_ENV === 'production';
  return {
    port: values.PORT,
    host: values.HOST,
    production,
    docs: values.API_DOCS ?? !production,
    page: values.PAGE ? values.PAGE === 'on' : !production,
    pageDir: values.PAGE_DIR && resolve(values.PAGE_DIR),
    publicUrl: values.PUBLIC_URL?.replace(/\/+$/, ''),
    bodyLimitBytes: values.HTTP_BODY_LIMIT,
    trustedProxies: values.TRUSTED_PROXIES.length ? values.TRUSTED_PROXIES : values.AUTH_TRUSTED_PROXIES,
    corsOrigins: values.CORS_ORIGINS,
    allowedHosts: toAllowedHosts(values),
    proxySecret: values.AUTH_MODE === 'header' ? values.AUTH_PROXY_SECRET : undefined,
  };
}

/** Where anybody on this machine may name users, a browser on it must not be led here under a foreign name. */
function toAllowedHosts({ HOST, ...values }: Variables): string[] {
  if (values.ALLOWED_HOSTS.length) return values.ALLOWED_HOSTS.map((host) => host.toLowerCase());
  const isGuarded = values.AUTH_PROXY_SECRET !== undefined || values.AUTH_TRUSTED_PROXIES.length > 0;
  if (values.AUTH_MODE !== 'header' || isGuarded || !isLoopbackHost(HOST)) return [];
  return ['localhost', '127.0.0.1', '[::1]', HOST.includes(':') ? `[${HOST}]` : HOST.toLowerCase()];
}

function toAuth(values: Variables): AuthConfig {
  return {
    mode: values.AUTH_MODE,
    proxySecret: values.AUTH_PROXY_SECRET,
    trustedProxies: values.AUTH_TRUSTED_PROXIES,
    loopback: isLoopbackHost(values.HOST),
    defaultUserId: values.DEFAULT_USER_ID,
    registration: values.AUTH_REGISTRATION,
    jwt: {
      secret: values.JWT_SECRET,
      jwksUrl: values.JWKS_URL,
      issuer: values.JWT_ISSUER,
      audience: values.JWT_AUDIENCE,
    },
    accessTokenTtlS: values.ACCESS_TOKEN_TTL_S,
    refreshTokenTtlS: values.REFRESH_TOKEN_TTL_S,
    reauthenticationMaxAgeS: values.REAUTHENTICATION_MAX_AGE_S,
  };
}

function toLimits(values: Variables): LimitsConfig {
  const on = (limit: number) => (values.RATE_LIMITS === 'on' ? limit : 0);
  return {
    address: on(values.RATE_LIMIT_ADDRESS),
    identity: on(values.RATE_LIMIT_IDENTITY),
    chat: on(values.RATE_LIMIT_CHAT),
    login: on(values.RATE_LIMIT_LOGIN),
    shared: on(HTTP_BOUNDS.sharesOfNetwork.limit),
    // What the operator has set is meant, also where rates are not limited.
    openStreams: values.MAX_OPEN_STREAMS_PER_USER ?? on(OPEN_ANSWER_BOUNDS.openAnswersOfIdentity.limit),
  };
}

function toQuotas(values: Variables): QuotasConfig {
  return {
    tokensPerDay: values.QUOTA_TOKENS_PER_DAY,
    runningReplies: values.QUOTA_RUNNING_REPLIES ?? 0,
    runningRepliesDefault:
      values.QUOTA_RUNNING_REPLIES === undefined && values.RATE_LIMITS === 'on'
        ? REPLY_BOUNDS.runningReplies.limit
        : 0,
    storedBytes: values.QUOTA_STORED_BYTES,
  };
}

function toOwnProviders(values: Variables): OwnProvidersConfig {
  const { ENCRYPTION_KEY: current, ENCRYPTION_KEYS_PREVIOUS: previous } = values;
  return {
    encryptionKeys: current ? [current, ...previous].map((text) => Buffer.from(text, 'base64')) : [],
    allowedHosts: values.PROVIDER_ALLOWED_HOSTS.map((host) => host.toLowerCase()),
    dnsServers: values.PROVIDER_DNS_SERVERS,
  };
}

function toDatabase(values: Variables): DatabaseConfig {
  return {
    url: values.DATABASE_URL,
    dataDir: resolve(values.DATA_DIR),
    poolMax: values.DB_POOL_MAX,
    connectionTimeoutMs: values.DB_CONNECTION_TIMEOUT_MS,
    statementTimeoutMs: values.DB_STATEMENT_TIMEOUT_MS,
  };
}

function toLlm(values: Variables, models: ModelsConfig): LlmConfig {
  return {
    ...models,
    connectTimeoutMs: values.LLM_CONNECT_TIMEOUT_MS,
    firstEventTimeoutMs: values.LLM_FIRST_EVENT_TIMEOUT_MS,
    idleTimeoutMs: values.LLM_IDLE_TIMEOUT_MS,
    totalTimeoutMs: values.LLM_TOTAL_TIMEOUT_MS,
    maxRetries: values.LLM_MAX_RETRIES,
    maxReplyChars: values.LLM_MAX_REPLY_CHARS,
    titles: toTitles(values.TITLE_MODEL, models),
  };
}

/** The demo model has no opinion: where it is meant, the first words stay. */
function toTitles(
  asked: string | undefined,
  { models, providers, defaultModel }: ModelsConfig,
): TitlesConfig {
  const demo = new Set(providers.filter(({ kind }) => kind === 'demo').map(({ name }) => name));
  const real = models.filter(({ provider }) => !demo.has(provider));
  if (asked) {
    const model = real.find(({ id }) => id === asked)?.id ?? null;
    return { enabled: model !== null, model };
  }
  const costs = ({ price }: ModelConfig) => (price ? price.input + price.output : Infinity);
  const usual = real.find(({ id }) => id === defaultModel) ?? real.at(0);
  // Of equal ones, or where no price is known, the one that replies.
  const cheapest = real.reduce((best, model) => (best && costs(best) <= costs(model) ? best : model), usual);
  return { enabled: true, model: cheapest?.id ?? null };
}
