import type { Duplex } from 'node:stream';
import type { PoolClient } from 'pg';
import type { DataSourceOptions } from 'typeorm';
import type { DatabaseConfig } from '../config/app-config';
import { NoopObserver, type Observer } from '../observability/observer';
import { prepareStatements } from './prepared-statements';
import { watchClient } from './client-watch';
import { repeatVictims } from './repeat-victims';
import { SilentLogger } from './silent-logger';
import type { EmbeddedDatabase } from './embedded/embedded-database';
import { parseDatabaseUrl } from './database-url';

/** Time for a server's own `statement_timeout` to arrive before the client gives the connection up. */
const ANSWER_GRACE_MS = 500;
/** A server looks for deadlocks after a second of waiting; a shorter limit would hide them, and they can be retried. */
const DEADLOCK_IS_FOUND_MS = 2000;
/** A load balancer or a failed-over name is noticed after this time at the latest. */
const CONNECTION_LIFETIME_S = 1800;

export type ConnectionOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

export interface ConnectionOverrides {
  /** No limit on a statement's duration, and one connection only; for migrations. */
  unlimited?: boolean;
  /** Told how long each statement takes. */
  observer?: Observer;
  /** Told of each statement that fails. */
  onError?: (error: unknown) => void;
}

/**
 * The options of a TypeORM DataSource for the configured database; the caller adds entities and migrations.
 * `embedded` is there exactly when the configuration has no URL. Throws a `ConfigError` for a URL that cannot be used.
 */
export function connectionOptions(
  config: DatabaseConfig,
  embedded: EmbeddedDatabase | undefined,
  overrides: ConnectionOverrides = {},
): ConnectionOptions {
  const connection = embedded
    ? embeddedOptions(config, embedded, overrides)
    : serverOptions(config, overrides);
  return {
    type: 'postgres',
    applicationName: 'parley',
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    synchronize: false,
    migrationsRun: false,
    logging: false,
    logger: new SilentLogger(),
    // The pool has replaced the connection already, and whoever was using it gets the error.
    poolErrorHandler: () => undefined,
    ...connection,
  };
}

function embeddedOptions(
  config: DatabaseConfig,
  embedded: EmbeddedDatabase,
  { unlimited, ...watchers }: ConnectionOverrides,
): Partial<ConnectionOptions> {
  const stream: () => Duplex = embedded.streams(unlimited ? Infinity : config.statementTimeoutMs * 2);
  return {
    username: 'postgres',
    database: 'postgres',
    ssl: false,
    poolSize: 1,
    // Everyone shares the one session: under load they wait for each other.
    connectTimeoutMS: unlimited ? 0 : Math.max(config.connectionTimeoutMs, 10_000),
    extra: { stream, password: '', idleTimeoutMillis: 0, onConnect: onConnect(unlimited, watchers) },
  };
}

function serverOptions(
  config: DatabaseConfig,
  { unlimited, ...watchers }: ConnectionOverrides,
): Partial<ConnectionOptions> {
  const { url, ssl, pooled } = parseDatabaseUrl(config.url ?? '');
  return {
    url,
    // TypeORM declares a server's options here and hands over what it gets.
    ssl: ssl as ConnectionOptions['ssl'],
    poolSize: unlimited ? 1 : config.poolMax,
    connectTimeoutMS: config.connectionTimeoutMs,
    extra: {
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      maxLifetimeSeconds: CONNECTION_LIFETIME_S,
      onConnect: onConnect(unlimited || pooled, watchers),
      ...(unlimited ? {} : { query_timeout: config.statementTimeoutMs + ANSWER_GRACE_MS }),
      ...(unlimited || pooled ? {} : sessionLimits(config)),
    },
  };
}

/** `plain`: statements cannot be kept from one use to the next, or are used only once. */
function onConnect(
  plain = false,
  { observer = new NoopObserver(), onError }: Omit<ConnectionOverrides, 'unlimited'>,
) {
  return (client: PoolClient): void => {
    watchClient(client, observer, onError);
    if (!plain) prepareStatements(client);
    repeatVictims(client);
  };
}

/** Sent when a connection is opened. A pooler in transaction mode refuses or forgets them. */
function sessionLimits({ statementTimeoutMs }: DatabaseConfig): Record<string, number> {
  return {
    statement_timeout: statementTimeoutMs,
    lock_timeout: Math.max(Math.ceil(statementTimeoutMs / 2), DEADLOCK_IS_FOUND_MS),
    idle_in_transaction_session_timeout: statementTimeoutMs * 2,
  };
}
