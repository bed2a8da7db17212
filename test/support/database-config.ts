import type { DatabaseConfig } from '../../src/config/app-config';

/** A configuration with limits that suit tests. */
export function databaseConfig(values: Partial<DatabaseConfig>): DatabaseConfig {
  return {
    dataDir: 'memory://',
    poolMax: 5,
    connectionTimeoutMs: 5000,
    statementTimeoutMs: 5000,
    ...values,
  };
}
