import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '../../config/config-error';
import { isRunning, ownIdentity, type ProcessIdentity } from './process-identity';

const HEARTBEAT_MS = 5_000;
/** Two missed heartbeats and some: a holder on another host is gone. */
const SILENT_MS = 15_000;
const POLL_MS = 500;

/**
 * At most one process may use a data directory: two at once corrupt the database silently.
 *
 * The lock is a file with the holder's identity. A holder of the same host is asked for by process id and start time. For
 * another host (a container that was replaced, a shared volume) the file's age decides, which the holder renews.
 */
export class DataDirLock {
  private readonly file: string;
  private readonly self = JSON.stringify(ownIdentity());
  private heartbeat?: NodeJS.Timeout;

  constructor(private readonly dataDir: string) {
    this.file = join(dataDir, 'parley.lock');
  }

  /** Throws a `ConfigError` if somebody else holds it. May take 15 seconds if that may be somebody on another host. */
  async acquire(): Promise<void> {
    if (this.heartbeat) return;
    await mkdir(this.dataDir, { recursive: true, mode: 0o700 });
    const giveUpAt = Date.now() + SILENT_MS + 2 * POLL_MS;
    while (!(await this.create())) {
      const holder = await this.read();
      if (holder === 'gone') continue;
      if (await this.isStale(holder)) await this.remove(holder.text);
      else if (holder.identity?.host === ownIdentity().host || Date.now() > giveUpAt) throw inUse(holder);
      else await sleep(POLL_MS);
    }
    this.heartbeat = setInterval(() => void this.renew(), HEARTBEAT_MS).unref();
  }

  async release(): Promise<void> {
    if (!this.heartbeat) return;
    clearInterval(this.heartbeat);
    this.heartbeat = undefined;
    await this.remove(this.self);
  }

  private async create(): Promise<boolean> {
    try {
      await writeFile(this.file, this.self, { flag: 'wx', mode: 0o600 });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  private async read(): Promise<Holder | 'gone'> {
    try {
      const [text, { mtimeMs }] = [await readFile(this.file, 'utf8'), await stat(this.file)];
      return { text, age: Date.now() - mtimeMs, identity: parse(text) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
      throw error;
    }
  }

  private async isStale({ identity, age }: Holder): Promise<boolean> {
    if (identity?.host === ownIdentity().host) return !isRunning(identity);
    return age > SILENT_MS;
  }

  /** Removes the lock only if it is still the one that was looked at. */
  private async remove(expected: string): Promise<void> {
    const aside = `${this.file}.${process.pid}`;
    try {
      await rename(this.file, aside);
      const taken = await readFile(aside, 'utf8');
      if (taken !== expected) await writeFile(this.file, taken, { flag: 'wx', mode: 0o600 });
      await rm(aside);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
    }
  }

  private async renew(): Promise<void> {
    const now = new Date();
    await utimes(this.file, now, now).catch(() => undefined);
  }
}

interface Holder {
  text: string;
  /** Milliseconds since the last heartbeat. */
  age: number;
  /** Absent if the file is not, or not yet, readable. */
  identity?: ProcessIdentity;
}

function parse(text: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(text) as ProcessIdentity;
  } catch {
    return undefined;
  }
}

function inUse({ identity }: Holder): ConfigError {
  const who = identity ? `process ${identity.pid} on host ${identity.host}` : 'another process';
  return new ConfigError([
    `DATA_DIR is in use by ${who}: the embedded database is for one process. ` +
      'Stop that one, choose another DATA_DIR, or set DATABASE_URL to a PostgreSQL.',
  ]);
}
