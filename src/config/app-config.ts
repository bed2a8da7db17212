import type { ModelsConfig } from './models-config';

export interface HttpConfig {
  port: number;
  host: string;
  production: boolean;
  /** Serve Swagger UI, ReDoc and the OpenAPI document. */
  docs: boolean;
  /** Serve the built-in page at `/`. */
  page: boolean;
  /** Absolute path of a folder that is served at `/` instead of the built-in page. */
  pageDir?: string;
  /** Public URL of the service or its page, without a slash at its end; links begin with it. */
  publicUrl?: string;
  bodyLimitBytes: number;
  /** CIDR ranges of proxies whose `X-Forwarded-For` is believed. */
  trustedProxies: string[];
  /** Origins that browsers may call from; empty means same origin only. */
  corsOrigins: string[];
  /** Names that requests may have in `Host`, without ports; empty: any. */
  allowedHosts: string[];
  /** Secret of proxies: the `X-Forwarded-For` of a request that has it in `X-Proxy-Secret` is believed. */
  proxySecret?: string;
}

export interface DatabaseConfig {
  /** Connection string of a PostgreSQL; absent means the embedded database in `dataDir`. */
  url?: string;
  dataDir: string;
  poolMax: number;
  connectionTimeoutMs: number;
  statementTimeoutMs: number;
}

export interface AuthConfig {
  mode: 'header' | 'token' | 'jwks';
  proxySecret?: string;
  /** CIDR ranges whose peers may speak for users. */
  trustedProxies: string[];
  /** The server listens on a loopback address, so that `?user_id=` is acceptable on stream routes. */
  loopback: boolean;
  /** Header mode: user of a request that names none; accepted only on a loopback bind outside of production. */
  defaultUserId?: string;
  /** `open`: anybody may create an account. */
  registration: 'open' | 'closed';
  jwt: JwtConfig;
  accessTokenTtlS: number;
  refreshTokenTtlS: number;
  /** Seconds for which a session counts as recently authenticated after its password was given. */
  reauthenticationMaxAgeS: number;
}

export interface AuditConfig {
  /** Days for which records of actions on accounts, keys and data are kept; 0: for ever. */
  retentionDays: number;
}

export interface JwtConfig {
  /** HS256 key: signs our own tokens, or is shared with the issuer. */
  secret?: string;
  /** URL at which the issuer publishes its keys. */
  jwksUrl?: string;
  issuer?: string;
  audience?: string;
}

/** Requests per minute; 0 for no limit. */
export interface LimitsConfig {
  /** Requests from one network. */
  address: number;
  /** Requests of one identity. */
  identity: number;
  /** Requests of one identity that begin a reply. */
  chat: number;
  /** Requests from one network that log in, register or refresh. */
  login: number;
  /** Requests from one network that read shared conversations. */
  shared: number;
  /** Open answers of one identity in this process at a time, not per minute. */
  openStreams: number;
}

/** Limits of one user; 0 for no limit. */
export interface QuotasConfig {
  tokensPerDay: number;
  /** Conversations with an open reply, as the operator has set it; 0 if unset. Exact under concurrency. */
  runningReplies: number;
  /** Running replies if the operator has set nothing; simultaneous turns may exceed it. 0 for no limit. */
  runningRepliesDefault: number;
  /** Bytes of texts, as the database stores them. */
  storedBytes: number;
}

/** Model providers that users bring themselves. */
export interface OwnProvidersConfig {
  /** Keys of 32 bytes each; the first one encrypts, all decrypt. Empty: users cannot bring providers. */
  encryptionKeys: Buffer[];
  /** Hosts, with or without a port, that may be called although they are private, or not by HTTPS. */
  allowedHosts: string[];
  /** DNS servers for the names of all other hosts: addresses, with or without a port. Empty: those of the system. */
  dnsServers: string[];
}

export interface LlmConfig extends ModelsConfig {
  connectTimeoutMs: number;
  firstEventTimeoutMs: number;
  idleTimeoutMs: number;
  totalTimeoutMs: number;
  /** Further attempts at one model before its first event, then its fallbacks are tried. */
  maxRetries: number;
  /** Characters of one reply, reasoning included, after which it is cut off. */
  maxReplyChars: number;
  titles: TitlesConfig;
}

/** Titles of conversations that no user has named. */
export interface TitlesConfig {
  /** Whether models write titles; if not, the first words are the title. */
  enabled: boolean;
  /** `ModelConfig.id`; null: no model of the operator's. After a reply of a user's own model, that model writes the title. */
  model: string | null;
}

export interface ChatConfig {
  maxContentChars: number;
  heartbeatMs: number;
  /** `strict`: events of replies are on disk before they are shown, so that they survive a crash of the database. */
  durability: 'standard' | 'strict';
  shutdownGraceMs: number;
}

export interface LogConfig {
  level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  format: 'json' | 'pretty';
  /** Whether texts of users and models are logged, at level `trace` only. */
  content: boolean;
}

export interface MailConfig {
  /** `smtp://` or `smtps://`, with user and password if the server wants them; absent: no mail is sent. */
  smtpUrl?: string;
  /** Sender of mails: an address, with or without a name. */
  from: string;
}

export interface SharingConfig {
  /** Whether conversations can be shared, and shared ones can be read. */
  enabled: boolean;
}

/** Access to metrics. */
export interface MetricsConfig {
  /** Bearer token that requests must have; without one there must be a port. */
  token?: string;
  /** Port of metrics alone; absent: that of the API. */
  port?: number;
  /** Address that `port` listens on. */
  host: string;
}

/** Collector that traces are sent to. */
export interface TracesConfig {
  /** URL of the collector, `/v1/traces` included. */
  url: string;
  headers: Record<string, string>;
  serviceName: string;
  /** Share of the traces that begin here, from 0 to 1; for traces that clients have begun their `traceparent` decides. */
  share: number;
}

export interface AppConfigParts {
  http: HttpConfig;
  mail: MailConfig;
  sharing: SharingConfig;
  database: DatabaseConfig;
  auth: AuthConfig;
  audit: AuditConfig;
  limits: LimitsConfig;
  quotas: QuotasConfig;
  ownProviders: OwnProvidersConfig;
  llm: LlmConfig;
  chat: ChatConfig;
  log: LogConfig;
  /** Absent: no metrics. */
  metrics?: MetricsConfig;
  /** Absent: no traces. */
  traces?: TracesConfig;
}

/** The validated configuration; the injection token for all of it. Built once by `parseAppConfig`. */
export class AppConfig implements AppConfigParts {
  readonly http: HttpConfig;
  readonly mail: MailConfig;
  readonly sharing: SharingConfig;
  readonly database: DatabaseConfig;
  readonly auth: AuthConfig;
  readonly audit: AuditConfig;
  readonly limits: LimitsConfig;
  readonly quotas: QuotasConfig;
  readonly ownProviders: OwnProvidersConfig;
  readonly llm: LlmConfig;
  readonly chat: ChatConfig;
  readonly log: LogConfig;
  readonly metrics?: MetricsConfig;
  readonly traces?: TracesConfig;

  constructor(parts: AppConfigParts) {
    this.http = parts.http;
    this.mail = parts.mail;
    this.sharing = parts.sharing;
    this.database = parts.database;
    this.auth = parts.auth;
    this.audit = parts.audit;
    this.limits = parts.limits;
    this.quotas = parts.quotas;
    this.ownProviders = parts.ownProviders;
    this.llm = parts.llm;
    this.chat = parts.chat;
    this.log = parts.log;
    this.metrics = parts.metrics;
    this.traces = parts.traces;
  }
}
