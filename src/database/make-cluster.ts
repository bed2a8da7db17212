import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAppConfig } from '../config/environment';
import { connectionOptions } from './connection-options';
import { EmbeddedDatabase } from './embedded/embedded-database';
import { migrate } from './migrations';
import { clusterKey } from './prepared-cluster';

/** What is older was made by another build, which is not being run any more. */
const KEEP_MS = 24 * 3600 * 1000;

/** Makes what `preparedCluster` finds, and answers its directory. Several may do so at once. */
export async function makeCluster(root: string): Promise<string> {
  const directory = join(root, await clusterKey());
  const draft = `${directory}.${process.pid}`;
  await mkdir(root, { recursive: true });
  await removeOld(root);
  const embedded = new EmbeddedDatabase({ dataDir: draft });
  try {
    await migrate(connectionOptions(parseAppConfig({}).database, embedded, { unlimited: true }), {
      exclusive: true,
    });
  } finally {
    await embedded.close();
  }
  const made = join(draft, 'postgres');
  await openToAll(made);
  await rename(made, directory).catch(ignoreOther);
  await rm(draft, { recursive: true });
  return directory;
}

/** It is empty, and whoever runs the service need not be who built it. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    await (entry.isDirectory() ? openToAll(path) : chmod(path, 0o644));
  }
}

async function removeOld(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const path = join(root, name);
    // Others may be done with theirs by now.
    const made = await stat(path).catch(() => undefined);
    if (made && Date.now() - made.mtimeMs > KEEP_MS) await rm(path, { recursive: true, force: true });
  }
}

/** Another process has been faster; its cluster is as good. */
function ignoreOther(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
}
