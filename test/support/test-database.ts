import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, statfsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource, type EntitySchema } from 'typeorm';
import type { DatabaseConfig } from '../../src/config/app-config';
import { connectionOptions } from '../../src/database/connection-options';
import { EmbeddedDatabase } from '../../src/database/embedded/embedded-database';
import { TransactionRunner } from '../../src/database/transaction-runner';
import { databaseConfig } from './database-config';
import { urlOf, withClient } from './database-template';

// eslint-disable-next-line typescript/no-unsafe-function-type
type Entity = Function | EntitySchema;

/** A migrated, empty database for one test file. */
export interface TestDatabase {
  /** `AppConfig.database` for an application under test. */
  config: DatabaseConfig;
  /** A connection without an application; closed by `close`. Not beside an application on the embedded database. */
  connect(entities?: Entity[]): Promise<TestConnection>;
  /** Removes the database. Close the application first. */
  close(): Promise<void>;
}

export interface TestConnection {
  dataSource: DataSource;
  db: TransactionRunner;
  /** Done by `TestDatabase.close` as well. */
  close(): Promise<void>;
}

/** On the server of `TEST_DATABASE_URL`, otherwise embedded, in a temporary directory. It stays from one application to the next. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = process.env.TEST_DATABASE_URL;
  return serverUrl ? onServer(serverUrl) : inDirectory();
}

/** Removes what is left of this run: databases of applications that workers have kept to their end, and of files that were interrupted. */
export async function removeTestDatabases(): Promise<void> {
  const directories = placesOfDatabases().map(async (place) => {
    const names = (await readdir(place)).filter((name) => name.startsWith(prefixOfDirectories()));
    await Promise.all(names.map((name) => rm(join(place, name), { recursive: true, force: true })));
  });
  await Promise.all(directories);
  const serverUrl = process.env.TEST_DATABASE_URL;
  if (!serverUrl) return;
  await withClient(serverUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      'SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)',
      [prefixOnServer()],
    );
    for (const { name } of rows) await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  });
}

/** Empties every table except the list of migrations. */
export async function truncate(dataSource: DataSource): Promise<void> {
  const rows: { name: string }[] = await dataSource.query(
    `SELECT quote_ident(tablename) AS name FROM pg_tables
      WHERE schemaname = current_schema() AND tablename NOT IN ('migrations', 'typeorm_metadata')`,
  );
  if (rows.length === 0) return;
  await dataSource.query(`TRUNCATE ${rows.map(({ name }) => name).join(', ')} RESTART IDENTITY CASCADE`);
}

async function onServer(serverUrl: string): Promise<TestDatabase> {
  const name = `${prefixOnServer()}${randomBytes(6).toString('hex')}`;
  await withClient(serverUrl, (client) =>
    client.query(`CREATE DATABASE ${name} TEMPLATE ${required('TEST_DATABASE_TEMPLATE')}`),
  );
  return withConfig(databaseConfig({ url: urlOf(serverUrl, name) }), async () => {
    await withClient(serverUrl, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  });
}

const SHARED_MEMORY = '/dev/shm';
const ROOM_BYTES = 4 * 1024 ** 3;

/** Names say which run they are of, since several may use the same server or machine. */
const prefixOfDirectories = () => `parley-test-${required('TEST_RUN')}-`;
const prefixOnServer = () => `parley_test_${required('TEST_RUN')}_`;

const placesOfDatabases = () => [SHARED_MEMORY, tmpdir()].filter((place) => existsSync(place));

/** Where databases of tests are: in memory, if the machine has such a place and room there, since each is a thousand files that live for seconds. */
function placeOfDatabases(): string {
  if (!existsSync(SHARED_MEMORY)) return tmpdir();
  const { bavail, bsize } = statfsSync(SHARED_MEMORY);
  return bavail * bsize > ROOM_BYTES ? SHARED_MEMORY : tmpdir();
}

async function inDirectory(): Promise<TestDatabase> {
  const dataDir = await mkdtemp(join(placeOfDatabases(), prefixOfDirectories()));
  cpSync(required('TEST_DATABASE_CLUSTER'), join(dataDir, 'postgres'), { recursive: true });
  return withConfig(databaseConfig({ dataDir }), () => rm(dataDir, { recursive: true, force: true }));
}

function withConfig(
  config: DatabaseConfig,
  remove: () => Promise<void> = async () => undefined,
): TestDatabase {
  const connections: TestConnection[] = [];
  return {
    config,
    connect: async (entities = []) => {
      const connection = await connect(config, entities);
      connections.push(connection);
      return connection;
    },
    close: async () => {
      await Promise.all(connections.map((connection) => connection.close()));
      await remove();
    },
  };
}

async function connect(config: DatabaseConfig, entities: Entity[]): Promise<TestConnection> {
  const embedded = config.url ? undefined : new EmbeddedDatabase(config);
  await embedded?.start();
  const dataSource = new DataSource({ ...connectionOptions(config, embedded), entities });
  await dataSource.initialize();
  return {
    dataSource,
    db: new TransactionRunner(dataSource),
    close: async () => {
      if (dataSource.isInitialized) await dataSource.destroy();
      await embedded?.close();
    },
  };
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests with npm test, whose global setup sets it.`);
  return value;
}
