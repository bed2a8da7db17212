import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VARIABLES } from './variables';

it('README lists each variable once, and nothing else', () => {
  const readme = readFileSync(join(__dirname, '../../README.md'), 'utf8');
  const [, table] = /^## Configuration\n[^]*?^(\| variable [^]*?)\n\n/m.exec(readme)!;
  const named = table
    .split('\n')
    .flatMap((row) => row.split('|')[1].match(/`[A-Z][A-Z0-9_]*`/g) ?? [])
    .map((name) => name.slice(1, -1));
  expect(named.toSorted()).toEqual(Object.keys(VARIABLES).toSorted());
});
