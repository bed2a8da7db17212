import type { TransactionRunner } from './transaction-runner';

interface Slice {
  table: string;
  /** The column that names a row. */
  key: string;
  /** Which rows, in SQL, whose parameters are `parameters`; an ORDER BY may follow. */
  where: string;
  parameters?: readonly unknown[];
  limit: number;
}

/** Deletes at most `limit` rows whose time is over, and answers how many. Rows that another process is deleting are not waited for. */
export async function deleteSlice(
  db: TransactionRunner,
  { table, key, where, parameters = [], limit }: Slice,
): Promise<number> {
  const rows = await db.query<{ count: number }>(
    `WITH gone AS (
       DELETE FROM ${table} WHERE ${key} IN (
         SELECT ${key} FROM ${table} WHERE ${where} LIMIT $${parameters.length + 1} FOR UPDATE SKIP LOCKED
       ) RETURNING 1
     ) SELECT count(*)::int AS count FROM gone`,
    [...parameters, limit],
  );
  return rows[0].count;
}
