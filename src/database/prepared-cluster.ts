import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { MIGRATION_FILES } from './migration-files';

/** What the embedded database's first cluster is copied from; the build makes it (`make-cluster.ts`). */
export const PREPARED_CLUSTERS = join(__dirname, '../../clusters');

/**
 * The directory of an empty, migrated cluster that this engine and these migrations have made; undefined if there is none, as
 * where the sources run without a build. To copy it takes a third of a second, to make one takes seconds.
 */
export async function preparedCluster(root = PREPARED_CLUSTERS): Promise<string | undefined> {
  const directory = join(root, await clusterKey());
  return existsSync(directory) ? directory : undefined;
}

/** Of everything that such a cluster depends on: the version of the engine and the migrations. */
export async function clusterKey(): Promise<string> {
  const engine = join(dirname(require.resolve('@electric-sql/pglite')), '../package.json');
  const hash = createHash('sha256').update(await readFile(engine));
  const directory = dirname(MIGRATION_FILES);
  const names = (await readdir(directory)).filter((name) => extname(name) === extname(MIGRATION_FILES));
  for (const name of names.sort()) hash.update(name).update(await readFile(join(directory, name)));
  return hash.digest('hex').slice(0, 16);
}
