import type { DataSource } from 'typeorm';
import { SchemaError } from './migrations';

/** Throws `SchemaError` if a table or column that an entity needs is not there. Types are a matter of the drift check. */
export async function assertSchemaComplete(dataSource: DataSource): Promise<void> {
  const present = await presentColumns(dataSource);
  const missing = expectedColumns(dataSource).filter((column) => !present.has(column));
  if (missing.length === 0) return;
  throw new SchemaError(
    `DATABASE_URL or DATA_DIR: the database's schema is incomplete although its migrations have run (missing: ` +
      `${missing.slice(0, 8).join(', ')}). Restore the tables, or start with an empty database.`,
  );
}

function expectedColumns(dataSource: DataSource): string[] {
  return dataSource.entityMetadatas
    .filter(({ tableType }) => tableType !== 'view' && tableType !== 'entity-child')
    .flatMap(({ tableName, columns }) => columns.map(({ databaseName }) => `${tableName}.${databaseName}`));
}

async function presentColumns(dataSource: DataSource): Promise<Set<string>> {
  const rows: { name: string }[] = await dataSource.query(
    `SELECT c.relname || '.' || a.attname AS name
       FROM pg_class c
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')`,
  );
  return new Set(rows.map(({ name }) => name));
}
