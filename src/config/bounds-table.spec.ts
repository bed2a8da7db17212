import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BOUNDS, type Bound } from './bounds';
import { boundsTable, TABLE_BEGIN, TABLE_END } from './bounds-table';
import { VARIABLES } from './variables';

const ROOT = join(__dirname, '../..');
const all = Object.values<Readonly<Record<string, Bound>>>(BOUNDS).flatMap((bounds) =>
  Object.entries(bounds),
);

describe('the table of bounds', () => {
  it('stands in docs/security.md as the code has it', () => {
    const page = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');
    const table = page.slice(page.indexOf(TABLE_BEGIN), page.indexOf(TABLE_END));
    const rows = table
      .split('\n')
      .filter((line) => line.startsWith('| ') && !/^\| (What|---|-+) /.test(line));
    expect(rows.map(cellsOf)).toEqual(boundsTable().flatMap((section) => section.rows));
  });

  it.each(all)('%s names a test that is there and a variable that is read', (_name, { test, variable }) => {
    expect(existsSync(join(ROOT, test))).toBe(true);
    if (variable) expect(Object.keys(VARIABLES)).toContain(variable);
  });
});

function cellsOf(line: string): string[] {
  const cells = line.split(/(?<!\\)\|/).slice(1, -1);
  return cells.map((cell) => cell.trim());
}
