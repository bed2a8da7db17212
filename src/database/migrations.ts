import { Logger } from '@nestjs/common';
import { DataSource, type EntityManager, type Migration, MigrationExecutor } from 'typeorm';
import { ConfigError } from '../config/config-error';
import type { ConnectionOptions } from './connection-options';
import { MIGRATION_FILES } from './migration-files';

/** Any number, the same in every version: what the instances take turns by. */
const LOCK = 7_205_759_403;
/** A statement that changes a table in use must not queue for longer, since everybody else queues behind it. */
const TABLE_LOCK_TIMEOUT = '2s';
/** A smaller database is brought up to date within seconds. */
const ANNOUNCED_BYTES = 200e6;
/**
 * How much of a database a migration gets through, rather too low than too high: 0.94 GB, a million messages, from version 0.1.0 took 15 s
 * on the embedded database and 8 s on PostgreSQL, with two cores (`npm run faults -- --scenario migration`).
 */
const BYTES_PER_MINUTE = 2e9;

/** The database is not in a state that this build can work with. The message says what to do. */
export class SchemaError extends ConfigError {
  constructor(problem: string) {
    super([problem]);
    this.name = 'SchemaError';
  }
}

export interface MigrationSource {
  files?: string[];
  /** The database belongs to this process (embedded): whoever used it before is gone. */
  exclusive?: boolean;
  /** In the same transaction, before anything is done and when all has run: what they throw takes everything back. */
  before?: (manager: EntityManager) => Promise<void>;
  after?: (manager: EntityManager) => Promise<void>;
}

/**
 * Brings the schema up to date in one transaction, one instance at a time, and returns the names of the migrations that
 * it ran. The lock belongs to the transaction, so it works through every pooler and ends with the process.
 * @throws {SchemaError} if the database was migrated by a newer build, or has to be migrated while processes of an older build run
 */
export async function migrate(options: ConnectionOptions, source: MigrationSource = {}): Promise<string[]> {
  const dataSource = new DataSource({
    ...options,
    migrations: source.files ?? [MIGRATION_FILES],
    entities: [],
  });
  await dataSource.initialize();
  try {
    return await dataSource.transaction((manager) => migrateIn(manager, source));
  } finally {
    await dataSource.destroy();
  }
}

async function migrateIn(
  manager: EntityManager,
  { exclusive, before, after }: MigrationSource,
): Promise<string[]> {
  await manager.query('SET LOCAL statement_timeout = 0');
  await manager.query('SET LOCAL lock_timeout = 0');
  await manager.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
  await manager.query(`SET LOCAL lock_timeout = '${TABLE_LOCK_TIMEOUT}'`);
  await before?.(manager);
  const executor = new MigrationExecutor(manager.dataSource, manager.queryRunner);
  const executed = await executor.getExecutedMigrations();
  refuseNewer(manager.dataSource, executed);
  if (executed.length > 0 && executed.length < manager.dataSource.migrations.length) {
    if (!exclusive) await refuseRunning(manager);
    await announce(manager);
  }
  const ran = await executor.executePendingMigrations();
  await after?.(manager);
  return ran.map(({ name }) => name);
}

/** What takes long is said before it begins: nobody is answered meanwhile, and other processes wait. */
async function announce(manager: EntityManager): Promise<void> {
  const [{ bytes }] = await manager.query<[{ bytes: string }]>(
    'SELECT pg_database_size(current_database()) AS bytes',
  );
  if (Number(bytes) < ANNOUNCED_BYTES) return;
  const size = `${(Number(bytes) / 1e9).toFixed(1)} GB`;
  const time = `${Math.ceil(Number(bytes) / BYTES_PER_MINUTE)} min`;
  new Logger('Database').warn(
    `The database (${size}) is brought up to date in one transaction, which locks its tables. It may take about ${time}; do not stop it.`,
  );
}

/** An older build does not know the schema that comes: what its processes write would fail, or be lost. */
async function refuseRunning(manager: EntityManager): Promise<void> {
  const [{ known }] = await manager.query<[{ known: boolean }]>(
    `SELECT to_regclass('instances') IS NOT NULL AS known`,
  );
  if (!known) return;
  const rows = await manager.query<{ id: string }[]>(
    'SELECT id FROM instances WHERE expires_at > now() ORDER BY id',
  );
  if (rows.length === 0) return;
  throw new SchemaError(
    `DATABASE_URL: this version changes the database, and processes of an older version are using it (instances ` +
      `${rows.map(({ id }) => id).join(', ')}). Stop them and start again; one that was killed counts as running for 15 s.`,
  );
}

function refuseNewer({ migrations }: DataSource, executed: Migration[]): void {
  const known = new Set(migrations.map((migration) => migration.name ?? migration.constructor.name));
  const unknown = executed.map(({ name }) => name).filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new SchemaError(
    `DATABASE_URL or DATA_DIR: the database belongs to a newer version of this service (unknown migrations: ` +
      `${unknown.slice(0, 5).join(', ')}). Run that version, or restore a backup of the older schema.`,
  );
}
