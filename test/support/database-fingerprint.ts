import type { RunningApp } from './create-test-app';
import { DataSource } from 'typeorm';
import { SearchRefreshJob } from '../../src/search/search-refresh.job';

/**
 * Written by the process itself, whoever asks; the journal of a finished reply is cleared some time later, and what processes tell
 * each other of changes to users goes after two minutes.
 */
const OWN_TABLES = new Set(['instances', 'reply_journal', 'revocations', 'migrations', 'typeorm_metadata']);

/** A hash of each table's row versions: two are equal only if nothing was written in between. New tables are included by themselves. */
export async function databaseFingerprint(t: RunningApp): Promise<Record<string, string>> {
  const database = t.app.get(DataSource);
  // A search has what its user has said indexed, and writes nothing else.
  await t.app.get(SearchRefreshJob, { strict: false }).run(new AbortController().signal);
  const tables = await tableNames(database);
  const hashes = await database.query<{ name: string; hash: string }[]>(
    tables.map(hashOf).join(' UNION ALL '),
  );
  return Object.fromEntries(hashes.map(({ name, hash }) => [name, hash]));
}

/** The names of all columns of all tables. */
export async function columnNames(t: RunningApp): Promise<string[]> {
  const rows = await t.app
    .get(DataSource)
    .query<{ name: string }[]>(
      `SELECT DISTINCT column_name AS name FROM information_schema.columns WHERE table_schema = current_schema()`,
    );
  return rows.map(({ name }) => name).sort();
}

/** How many rows of this user there are in each table that has a column for it. */
export async function rowsOf(t: RunningApp, userId: string): Promise<Record<string, number>> {
  const database = t.app.get(DataSource);
  const owned = await database.query<{ name: string }[]>(
    `SELECT table_name AS name FROM information_schema.columns
      WHERE table_schema = current_schema() AND column_name = 'user_id'`,
  );
  const counts = owned.map(
    ({ name }) => `SELECT '${name}' AS name, count(*)::int AS count FROM "${name}" WHERE user_id = $1`,
  );
  const rows = await database.query<{ name: string; count: number }[]>(counts.join(' UNION ALL '), [userId]);
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}

async function tableNames(database: DataSource): Promise<string[]> {
  const rows = await database.query<{ name: string }[]>(
    `SELECT table_name AS name FROM information_schema.tables
      WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`,
  );
  return rows.map(({ name }) => name).filter((name) => !OWN_TABLES.has(name));
}

/** Each write makes a row version with another place or transaction, which is less to read than what is in it. */
function hashOf(table: string): string {
  return `SELECT '${table}' AS name, md5(coalesce(string_agg(ctid::text || xmin, '' ORDER BY ctid), '')) AS hash FROM "${table}"`;
}
