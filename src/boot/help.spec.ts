import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VARIABLES } from '../config/variables';
import { helpText } from './help';

const ROOT = join(__dirname, '../..');

it('names commands that package.json has, and every variable', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
  const help = helpText();
  const named = [...help.matchAll(/^ {2}npm run ([\w:-]+)/gm)].map(([, name]) => name);
  expect(named).toEqual(
    expect.arrayContaining(['build', 'start:dev', 'test:long', 'migration:run', 'admin']),
  );
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
  for (const name of Object.keys(VARIABLES)) expect(help).toContain(`\n  ${name}=`);
});

it('names in an image what can be done there', () => {
  const image = mkdtempSync(join(tmpdir(), 'parley-image-'));
  copyFileSync(join(ROOT, '.env.example'), join(image, '.env.example'));
  const help = helpText(image);
  for (const command of ['npm run admin', 'npm run migration:run', 'DATABASE_URL='])
    expect(help).toContain(command);
  for (const command of ['npm test', 'start:dev', 'npm run build', 'npm run client'])
    expect(help).not.toContain(command);
  rmSync(image, { recursive: true });
});
