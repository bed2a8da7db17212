import type { ModelsConfig } from './models-config';

export interface HttpConfig {
  port: number;
  host: string;
  production: boolean;
  /** Serve Swagger UI, ReDoc and the OpenAPI document. */
  docs: boolean;
  /** Serve the built-in page at `/`. */
  page: boolean;
  /** A folder that is served at `/` instead; absolute. */
  pageDir?: string;
  /** Where people reach the service, or its page: without a slash at its end. Links begin with it. */
  publicUrl?: string;
  bodyLimitBytes: number;
  /** CIDR ranges of proxies whose `X-Forwarded-For` is believed. */
  trustedProxies: string[];
  /** Origins that browsers may call from; empty means same origin only. */
  corsOrigins: string[];
  /** Names that requests may have in `Host`, without ports; empty: any. */
  allowedHosts: string[];
  /** Whoever sends it in `X-Proxy-Secret` is a proxy whose `X-Forwarded-For` is believed. */
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
  /** Header mode: who a request is of that says nothing of its user; checked to be on a loopback bind outside of production. */
  defaultUserId?: string;
  /** Whether anybody may make themselves an account. */
  registration: 'open' | 'closed';
  jwt: JwtConfig;
  accessTokenTtlS: number;
  refreshTokenTtlS: number;
  /** How long a session counts as authenticated after its password was given. */
  reauthenticationMaxAgeS: number;
}

export interface AuditConfig {
  /** How long it is kept what was done to accounts, keys and data; 0: for ever. */
  retentionDays: number;
}

export interface JwtConfig {
  /** Signs our own tokens, or is shared with the issuer (HS256). */
  secret?: string;
  /** Where the issuer publishes its keys. */
  jwksUrl?: string;
  issuer?: string;
  audience?: string;
}

/** Requests per minute; 0 for no limit. */
export interface LimitsConfig {
  /** From one network. */
  address: number;
  /** Of one identity. */
  identity: number;
  /** That begin a reply, of one identity. */
  chat: number;
  /** That log in, register or refresh, from one network. */
  login: number;
  /** That read what is shared, from one network. */
  shared: number;
  /** Not per minute but at a time, in this process: answers of one identity that stay open. */
  openStreams: number;
}

/** What one user may have; 0 for no limit. */
export interface QuotasConfig {
  tokensPerDay: number;
  /** What the operator has set; 0 for nothing. Exact under concurrency. */
  runningReplies: number;
  /** What holds where the operator has set nothing; 0 for nothing. */
  runningRepliesDefault: number;
  /** Of what is written, as the database keeps it. */
  storedBytes: number;
}

/** Model providers that users bring themselves. */
export interface OwnProvidersConfig {
  /** Each of 32 bytes; the first one encrypts, all decrypt. Empty: users cannot bring any. */
  encryptionKeys: Buffer[];
  /** Hosts, with or without a port, that may be called although they are private, or not by HTTPS. */
  allowedHosts: string[];
  /** Ask for the names of all other hosts: addresses, with or without a port. Empty: those of the system. */
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

/** Who names conversations that nobody has named. */
export interface TitlesConfig {
  /** False: their first words are their titles. */
  enabled: boolean;
  /** `ModelConfig.id`; null: none of the operator's. Replies of a user's own model are titled by that. */
  model: string | null;
}

export interface ChatConfig {
  maxContentChars: number;
  heartbeatMs: number;
  /** `strict`: events of replies are on disk before they are shown, so that a crash of the database keeps them as well. */
  durability: 'standard' | 'strict';
  shutdownGraceMs: number;
}

export interface LogConfig {
  level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  format: 'json' | 'pretty';
  /** At level `trace` only: log what people and models write. */
  content: boolean;
}

export interface MailConfig {
  /** `smtp://` or `smtps://`, with user and password if the server wants them; absent: no mail is sent. */
  smtpUrl?: string;
  /** Who it is from: an address, with or without a name. */
  from: string;
}

export interface SharingConfig {
  /** Whether conversations can be shared, and what was shared can be read. */
  enabled: boolean;
}

/** Who may ask for metrics. */
export interface MetricsConfig {
  /** To be sent as a bearer token. Without it there must be a port. */
  token?: string;
  /** A port of their own; absent: that of the API. */
  port?: number;
  /** Address that the port of their own is on. */
  host: string;
}

/** Where traces are sent. */
export interface TracesConfig {
  /** Of the collector, `/v1/traces` included. */
  url: string;
  headers: Record<string, string>;
  serviceName: string;
  /** Of traces that begin here, from 0 to 1; those that clients have begun follow what their `traceparent` says. */
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
  /** Absent: off. */
  metrics?: MetricsConfig;
  /** Absent: off. */
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
