import { accessSync, constants, existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../../config/config-error';
import { isStorageFull } from '../database-error';
import { CLUSTER } from './embedded-database';

/** Of the write-ahead log, which the engine writes to before anything else. */
const SEGMENT_BYTES = 16 * 1024 ** 2;
const WAY_OUT = 'Choose another DATA_DIR, or set DATABASE_URL to a PostgreSQL.';
/** Of the engine's compiler, to whoever builds the engine. */
const COMPILERS_ADVICE = /\.? Build with -s.*$/;

/**
 * Why the engine does not start on its files, in words for whoever starts the service. The engine itself says little more than that it has ended,
 * so its files and their disk are looked at.
 */
export function explainEngineFailure(error: unknown, dataDir: string): ConfigError {
  const failure = new ConfigError([`DATA_DIR: ${reasonOf(error, dataDir)}`]);
  failure.cause = error;
  return failure;
}

function reasonOf(error: unknown, dataDir: string): string {
  if (isStorageFull(error) || isFull(dataDir))
    return `${dataDir} is on a disk without room. Make room there. ${WAY_OUT}`;
  const said = (error instanceof Error ? error.message : String(error)).replace(COMPILERS_ADVICE, '');
  const cluster = join(dataDir, CLUSTER);
  if (!existsSync(cluster)) return `no database can be made in ${dataDir} (${said}). ${WAY_OUT}`;
  const closed = closedIn(cluster);
  if (closed) return `${closed} may not be read and written by this user. Give it to this user. ${WAY_OUT}`;
  return `the files of the embedded database in ${cluster} may be damaged (${said}). Restore a backup into an empty DATA_DIR.`;
}

function isFull(dataDir: string): boolean {
  const { bavail, bsize } = statfsSync(dataDir);
  return bavail * bsize < SEGMENT_BYTES;
}

/** The first file or folder that this user may not change. */
function closedIn(path: string): string | undefined {
  const isFolder = statSync(path).isDirectory();
  if (!isOpen(path, isFolder)) return path;
  if (!isFolder) return undefined;
  for (const name of readdirSync(path)) {
    const closed = closedIn(join(path, name));
    if (closed) return closed;
  }
  return undefined;
}

function isOpen(path: string, isFolder: boolean): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK | (isFolder ? constants.X_OK : 0));
    return true;
  } catch {
    return false;
  }
}
