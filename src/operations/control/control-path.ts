import { mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const SOCKET = 'control.sock';
/** Names the socket where it could not be in the data directory. */
const POINTER = 'control.path';
/** A system's address of a socket has 108 bytes (104 on macOS), the last of which is zero. */
const LONGEST = process.platform === 'linux' ? 107 : 103;

/** The usual place; undefined where the path is too long for a socket's address. */
export function socketIn(dataDir: string): string | undefined {
  const path = join(dataDir, SOCKET);
  return Buffer.byteLength(path) <= LONGEST ? path : undefined;
}

/** A place with a short path, in a folder that only we may enter, whose name is written into the data directory. */
export async function makeShortPath(dataDir: string): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'parley-')), SOCKET);
  if (Buffer.byteLength(path) > LONGEST) throw new Error(`${path} is too long for a socket`);
  await writeFile(join(dataDir, POINTER), path, { mode: 0o600 });
  return path;
}

/** Where a process that uses the data directory may listen, most likely first. */
export async function socketsOf(dataDir: string): Promise<string[]> {
  const pointer = await readFile(join(dataDir, POINTER), 'utf8').catch(() => '');
  return [socketIn(dataDir), pointer.trim()].filter((path): path is string => !!path);
}

/** Removes what this process, or one before it, has made. */
export async function removeSockets(dataDir: string): Promise<void> {
  for (const path of await socketsOf(dataDir)) {
    await rm(path, { force: true }).catch(() => undefined);
    if (dirname(path) !== dataDir) await rmdir(dirname(path)).catch(() => undefined);
  }
  await rm(join(dataDir, POINTER), { force: true });
}
