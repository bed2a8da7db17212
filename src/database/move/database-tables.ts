import { MoveError } from './move-error';

/** One statement, on one side of the move. */
export type Query = <Row extends object>(statement: string, parameters?: unknown[]) => Promise<Row[]>;

export interface Column {
  name: string;
  /** As SQL writes it, with its length. */
  type: string;
}

export interface Table {
  /** With its schema, quoted as SQL takes it. */
  name: string;
  /** Those that are stored as they are given; what is generated from them comes by itself. Sorted by their names. */
  columns: Column[];
}

/** The list of what has been migrated comes with the migrations themselves. */
const MIGRATIONS = 'public.migrations';
/** Of the queue's schema, what this service puts there; the rest is pg-boss's own book-keeping, which it begins anew. */
const QUEUE_TABLES = new Set(['jobs.queue', 'jobs.schedule', 'jobs.job']);

/** Every table of the service, sorted by name; partitions are part of the table that they belong to. */
export async function tablesOf(query: Query): Promise<Table[]> {
  const rows = await query<{ name: string; columns: Column[] | null }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, (
              SELECT json_agg(json_build_object('name', quote_ident(a.attname), 'type', format_type(a.atttypid, a.atttypmod))
                              ORDER BY a.attname COLLATE "C")
                FROM pg_attribute a
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
            ) AS columns
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname IN ('public', 'jobs') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      ORDER BY 1`,
  );
  return rows
    .filter(({ name }) => name !== MIGRATIONS && (name.startsWith('public.') || QUEUE_TABLES.has(name)))
    .map(({ name, columns }) => ({ name, columns: columns ?? [] }));
}

/** How many rows there are, and a sum over their contents that does not depend on their order. */
export interface TableSum {
  rows: string;
  sum: string;
}

/** Both sides have to write values in the same way. */
export const SAME_TEXTS = [
  `SET LOCAL TimeZone = 'UTC'`,
  `SET LOCAL DateStyle = 'ISO, YMD'`,
  `SET LOCAL IntervalStyle = 'postgres'`,
  `SET LOCAL bytea_output = 'hex'`,
  `SET LOCAL extra_float_digits = 1`,
  // Two cursors on one table have to see its rows in the same order.
  `SET LOCAL synchronize_seqscans = off`,
];

export async function sumOf(query: Query, { name, columns }: Table): Promise<TableSum> {
  const row = `ROW(${columns.map((column) => column.name).join(', ')})::text`;
  const [sum] = await query<TableSum>(
    `SELECT count(*)::text AS rows,
            coalesce(sum(('x' || encode(substr(sha256(convert_to(${row}, 'UTF8')), 1, 7), 'hex'))::bit(56)::bigint), 0)::text AS sum
       FROM ${name}`,
  );
  return sum;
}

/** Both have gone through the same migrations, and so have the same tables. */
export function assertSameTables(source: Table[], target: Table[]): void {
  const [ours, theirs] = [source, target].map((tables) => tables.map((table) => JSON.stringify(table)));
  const different = [
    ...ours.filter((table) => !theirs.includes(table)),
    ...theirs.filter((table) => !ours.includes(table)),
  ].map((text) => (JSON.parse(text) as Table).name);
  if (different.length > 0)
    throw new MoveError(`The tables are not the same on both sides: ${[...new Set(different)].join(', ')}.`);
}
