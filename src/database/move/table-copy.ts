import { OPERATION_BOUNDS } from '../../config/bounds';
import type { Query, Table } from './database-tables';

const MOST_ROWS = 1_000;
const MOST_BYTES = OPERATION_BOUNDS.movedBytes.limit;

/**
 * Copies the rows of a table in slices, each value as the text that PostgreSQL writes it as and reads it from, so that none is changed by
 * a type of JavaScript's. One cursor tells how long the rows are, another one reads as many as fit. In a transaction on either side.
 */
export async function copyTable(source: Query, target: Query, table: Table): Promise<void> {
  const { name, columns } = table;
  const names = columns.map((column) => column.name);
  await source(
    `DECLARE sizes NO SCROLL CURSOR FOR SELECT octet_length(ROW(${names.join(', ')})::text) AS bytes FROM ${name}`,
  );
  await source(
    `DECLARE contents NO SCROLL CURSOR FOR SELECT ${columns.map((column, n) => `${column.name}::text AS c${n}`).join(', ')} FROM ${name}`,
  );
  for (;;) {
    const sizes = await source<{ bytes: number }>(`FETCH ${MOST_ROWS} FROM sizes`);
    for (const rows of slicesOf(sizes.map(({ bytes }) => bytes))) {
      const values = await source<Record<string, string | null>>(`FETCH ${rows} FROM contents`);
      await target(
        insertOf(table),
        columns.map((_column, n) => values.map((row) => row[`c${n}`])),
      );
    }
    if (sizes.length < MOST_ROWS) break;
  }
  await source('CLOSE sizes');
  await source('CLOSE contents');
}

/** Numbers of rows that fit into a slice together. One that fits into none is alone. */
export function* slicesOf(sizes: number[]): Generator<number> {
  let [rows, bytes] = [0, 0];
  for (const size of sizes) {
    if (rows > 0 && bytes + size > MOST_BYTES) {
      yield rows;
      [rows, bytes] = [0, 0];
    }
    rows += 1;
    bytes += size;
  }
  if (rows > 0) yield rows;
}

/** Takes one array of texts for each column. */
function insertOf({ name, columns }: Table): string {
  const names = columns.map((column) => column.name).join(', ');
  const values = columns.map(({ type }, n) => `c${n}::${type}`).join(', ');
  const arrays = columns.map((_column, n) => `$${n + 1}::text[]`).join(', ');
  const aliases = columns.map((_column, n) => `c${n}`).join(', ');
  // Also where a column counts by itself.
  return `INSERT INTO ${name} (${names}) OVERRIDING SYSTEM VALUE SELECT ${values} FROM unnest(${arrays}) AS given (${aliases})`;
}
