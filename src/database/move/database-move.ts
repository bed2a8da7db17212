import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataSource, type EntityManager } from 'typeorm';
import type { DatabaseConfig } from '../../config/app-config';
import { explainFatal } from '../boot-error';
import { connectionOptions } from '../connection-options';
import { CLUSTER, EmbeddedDatabase } from '../embedded/embedded-database';
import { migrate } from '../migrations';
import { assertSameTables, type Query, SAME_TEXTS, sumOf, type Table, tablesOf } from './database-tables';
import { MoveError } from './move-error';
import { copyTable } from './table-copy';

/** What a service that has only been started leaves in its tables. */
const OF_A_START = new Set([
  'public.instances',
  'public.rate_limits',
  'jobs.queue',
  'jobs.schedule',
  'jobs.job',
]);

export interface MovedTable {
  name: string;
  rows: number;
}

export interface MoveResult {
  /** An earlier move had copied everything already. */
  already: boolean;
  tables: MovedTable[];
}

export interface MoveOptions {
  /** With the data directory of the embedded database. */
  source: DatabaseConfig;
  /** With the URL of the server. */
  target: DatabaseConfig;
  /** Told what is being done. */
  report: (line: string) => void;
}

/**
 * Copies the embedded database into a PostgreSQL: schema, rows and comparison are one transaction there, so that a move that is
 * interrupted has not happened. No service may use either of them.
 * @throws {MoveError} if the target has other data, or the copy is not like the original
 */
export async function moveDatabase({ source, target, report }: MoveOptions): Promise<MoveResult> {
  if (!existsSync(join(source.dataDir, CLUSTER)))
    throw new MoveError(`DATA_DIR ${source.dataDir} has no embedded database: there is nothing to move.`);
  const embedded = new EmbeddedDatabase({ dataDir: source.dataDir });
  try {
    await embedded.start();
    const options = connectionOptions({ ...source, url: undefined }, embedded, { unlimited: true });
    await migrate(options, { exclusive: true });
    const origin = await new DataSource({ ...options, entities: [], migrations: [] }).initialize();
    try {
      return await origin.transaction((manager) => moveFrom(manager, target, report));
    } finally {
      await origin.destroy();
    }
  } finally {
    await embedded.close();
  }
}

async function moveFrom(
  origin: EntityManager,
  target: DatabaseConfig,
  report: MoveOptions['report'],
): Promise<MoveResult> {
  const source = queryOf(origin);
  for (const setting of SAME_TEXTS) await source(setting);
  const options = connectionOptions(target, undefined, { unlimited: true });
  let result: MoveResult | undefined;
  try {
    await migrate(options, {
      before: (manager) => refuseForeign(queryOf(manager)),
      after: async (manager) => {
        result = await copyAll(source, queryOf(manager), report);
      },
    });
  } catch (error) {
    throw error instanceof MoveError ? error : explainFatal(error);
  }
  if (!result) throw new MoveError('Nothing was copied.');
  return result;
}

/** Tables that are not ours, or are ours and have somebody else's rows; the latter is found once they can be compared. */
async function refuseForeign(target: Query): Promise<void> {
  const [{ encoding, schema }] = await target<{ encoding: string; schema: string | null }>(
    `SELECT current_setting('server_encoding') AS encoding, current_schema() AS schema`,
  );
  if (schema !== 'public')
    throw new MoveError(
      `Tables would be made in the schema ${schema}: set the search_path of the user to public.`,
    );
  if (encoding !== 'UTF8')
    throw new MoveError(`The target database is encoded in ${encoding}: make one with ENCODING 'UTF8'.`);
  const rows = await target<{ name: string; migrated: boolean }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name, to_regclass('public.migrations') IS NOT NULL AS migrated
       FROM pg_tables WHERE schemaname IN ('public', 'jobs') ORDER BY 1`,
  );
  if (rows.length === 0 || rows[0].migrated) return;
  const some = rows.slice(0, 3).map(({ name }) => name);
  throw new MoveError(
    `The target database has tables that are not of this service (${some.join(', ')}): name an empty one (CREATE DATABASE parley).`,
  );
}

async function copyAll(source: Query, target: Query, report: MoveOptions['report']): Promise<MoveResult> {
  for (const setting of SAME_TEXTS) await target(setting);
  await target('SET LOCAL idle_in_transaction_session_timeout = 0');
  await refuseRunning(target);
  const tables = await tablesOf(source);
  assertSameTables(tables, await tablesOf(target));
  await assertNoSequences(source);
  const occupied = await occupiedOf(target, tables);
  if (occupied.length > 0) return alreadyMoved(source, target, tables, occupied);
  const references = await dropReferences(target);
  for (const { name } of tables.toReversed()) await target(`DELETE FROM ${name}`);
  const moved: MovedTable[] = [];
  for (const table of tables) {
    await copyTable(source, target, table);
    const rows = await compare(source, target, table);
    if (rows > 0) report(`${table.name.replace('public.', '')}: ${rows} rows`);
    moved.push({ name: table.name, rows });
  }
  for (const statement of references) await target(statement);
  return { already: false, tables: moved };
}

/** Number of rows. Throws if there are others on the two sides. */
async function compare(source: Query, target: Query, table: Table): Promise<number> {
  const [ours, theirs] = [await sumOf(source, table), await sumOf(target, table)];
  if (ours.rows === theirs.rows && ours.sum === theirs.sum) return Number(ours.rows);
  throw new MoveError(
    `${table.name} is not the same on both sides (${ours.rows} and ${theirs.rows} rows): nothing was moved.`,
  );
}

async function occupiedOf(target: Query, tables: Table[]): Promise<string[]> {
  const occupied: string[] = [];
  for (const { name } of tables.filter((table) => !OF_A_START.has(table.name))) {
    const [{ some }] = await target<{ some: boolean }>(`SELECT EXISTS (SELECT FROM ${name}) AS some`);
    if (some) occupied.push(name);
  }
  return occupied;
}

/** The answer to the end of a move may have been lost. Anything else in there is somebody's. */
async function alreadyMoved(
  source: Query,
  target: Query,
  tables: Table[],
  occupied: string[],
): Promise<MoveResult> {
  try {
    const moved: MovedTable[] = [];
    for (const table of tables.filter(({ name }) => !OF_A_START.has(name)))
      moved.push({ name: table.name, rows: await compare(source, target, table) });
    return { already: true, tables: moved };
  } catch (error) {
    if (!(error instanceof MoveError)) throw error;
    throw new MoveError(
      `The target database has data of its own (in ${occupied.slice(0, 3).join(', ')}), which is not what the embedded database has: name an empty one.`,
    );
  }
}

async function refuseRunning(target: Query): Promise<void> {
  const rows = await target<{ id: string }>('SELECT id FROM instances WHERE expires_at > now()');
  if (rows.length === 0) return;
  throw new MoveError(
    'A service uses the target database: stop it; one that was killed counts as running for 15 s.',
  );
}

/** Ids of this service are made by the application. A sequence would have to be set to where it was. */
async function assertNoSequences(source: Query): Promise<void> {
  const rows = await source<{ name: string }>(
    `SELECT sequencename AS name FROM pg_sequences WHERE schemaname = 'public' AND sequencename <> 'migrations_id_seq'`,
  );
  if (rows.length > 0)
    throw new MoveError(`The move does not know sequences: ${rows.map(({ name }) => name).join(', ')}.`);
}

/** Tables come in any order, and some name rows of their own. What makes the references again checks them all. */
async function dropReferences(target: Query): Promise<string[]> {
  // None of what has been done so far may wait for the end of the transaction to be checked.
  await target('SET CONSTRAINTS ALL IMMEDIATE');
  const rows = await target<{ name: string; table: string; definition: string }>(
    `SELECT quote_ident(k.conname) AS name, k.conrelid::regclass::text AS table, pg_get_constraintdef(k.oid) AS definition
       FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
      WHERE k.contype = 'f' AND k.conparentid = 0 AND n.nspname IN ('public', 'jobs')`,
  );
  for (const { name, table } of rows) await target(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`);
  return rows.map(
    ({ name, table, definition }) => `ALTER TABLE ${table} ADD CONSTRAINT ${name} ${definition}`,
  );
}

function queryOf(manager: EntityManager): Query {
  return async (statement, parameters = []) => {
    const { records } = (await manager.queryRunner?.query(statement, parameters, true)) ?? { records: [] };
    return records as never;
  };
}
