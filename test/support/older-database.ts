import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from './test-database';

/** A database as an older version has left it (`test/fixtures/database/`). */
export async function createOlderDatabase(version: string): Promise<TestDatabase> {
  const database = await createTestDatabase();
  const dump = readFileSync(join(__dirname, `../fixtures/database/version-${version}.sql`), 'utf8');
  const connection = await database.connect();
  const { dataSource } = connection;
  await dataSource.query('DROP SCHEMA public, jobs CASCADE');
  await dataSource.query('CREATE SCHEMA public');
  // One by one: all together they may take longer than a statement may.
  for (const statement of dump.split(/;\n/)) if (statement.trim()) await dataSource.query(statement);
  await connection.close();
  return database;
}
