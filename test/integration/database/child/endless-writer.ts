import { Pool } from 'pg';
import { EmbeddedDatabase } from '../../../../src/database/embedded/embedded-database';

/** Inserts 1, 2, 3 … into `numbers` in the data directory of its last argument and reports each number once it is committed. */
async function main(): Promise<void> {
  const embedded = new EmbeddedDatabase({ dataDir: process.argv[3] ?? '' });
  const pool = new Pool({
    user: 'postgres',
    database: 'postgres',
    password: '',
    max: 1,
    stream: embedded.streams(10_000),
  });
  await pool.query('CREATE TABLE IF NOT EXISTS numbers (n int PRIMARY KEY, text text)');
  const { rows } = await pool.query('SELECT coalesce(max(n), 0) AS last FROM numbers');
  for (let n = Number(rows[0].last) + 1; ; n++) {
    await pool.query('INSERT INTO numbers VALUES ($1, $2)', [n, 'x'.repeat(500)]);
    process.send?.(n);
  }
}

void main();
