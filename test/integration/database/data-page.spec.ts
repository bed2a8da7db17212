import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTestDatabase } from '../../support/test-database';

it('names every table, so that nothing of a user is where nobody looks', async () => {
  const database = await createTestDatabase();
  const { dataSource } = await database.connect();
  const tables: { name: string }[] = await dataSource.query(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name`,
  );
  const page = await readFile(join(__dirname, '../../../docs/data.md'), 'utf8');
  const [, section] = /^## Tables\n([^]*?)^## /m.exec(page) ?? [];
  const named = [...section.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name).sort();
  expect(named).toEqual(tables.map(({ name }) => name));
  await database.close();
});
