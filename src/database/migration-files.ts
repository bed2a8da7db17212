import { readdir } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';

/** Beside `src`; TypeScript in tests, otherwise compiled, as this file is. */
export const MIGRATION_FILES = join(__dirname, `../../migrations/*${extname(__filename)}`);

/** What the table `migrations` names once all of them have run. */
export async function migrationNames(): Promise<string[]> {
  const directory = dirname(MIGRATION_FILES);
  const files = (await readdir(directory))
    .filter((name) => extname(name) === extname(MIGRATION_FILES))
    .sort();
  const modules = await Promise.all(
    files.map((file) => import(join(directory, file)) as Promise<Record<string, unknown>>),
  );
  const names = modules.flatMap((module) =>
    Object.values(module)
      .filter((value) => typeof value === 'function')
      .map(({ name }) => name),
  );
  return [...new Set(names)];
}
