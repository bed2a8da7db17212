import { link, mkdir, open, readFile, realpath, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '../../config/config-error';
import { bootOf, isRunning, ownIdentity, type ProcessIdentity } from './process-identity';

const HEARTBEAT_MS = 5_000;
/** Two missed heartbeats and some: a holder on another host is gone. */
const SILENT_MS = 15_000;
const POLL_MS = 500;

/** Somebody else uses the data directory, or has not yet left it. */
export class DataDirInUseError extends ConfigError {}

export const LOCK_FILE = 'parley.lock';

/**
 * At most one process may use a data directory: two at once corrupt the database silently.
 *
 * The lock is a file with the holder's identity. A holder of the same host is asked for by process id and start time. For
 * another host (a container that was replaced, a shared volume) the file's age decides, which the holder renews.
 *
 * The file also names itself, by its inode and folder: one that was copied together with its folder while somebody held it is another
 * file, and tells that the database beside it may have been copied in the middle of a change.
 */
export class DataDirLock {
  private readonly file: string;
  private self = '';
  private heartbeat?: NodeJS.Timeout;

  constructor(private readonly dataDir: string) {
    this.file = join(dataDir, LOCK_FILE);
  }

  /**
   * Throws a `ConfigError` if somebody else holds it, or held the folder that this one was copied from. May take 15 seconds if that
   * may be somebody on another host.
   */
  async acquire(): Promise<void> {
    if (this.heartbeat) return;
    await mkdir(this.dataDir, { recursive: true, mode: 0o700 });
    const giveUpAt = Date.now() + SILENT_MS + 2 * POLL_MS;
    while (!(await this.create())) {
      const holder = await this.read();
      if (holder === 'gone') continue;
      if (await this.isCopied(holder)) throw copied(holder);
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
      const handle = await open(this.file, 'wx', 0o600);
      try {
        const { ino } = await handle.stat({ bigint: true });
        this.self = JSON.stringify({
          ...ownIdentity(),
          inode: String(ino),
          directory: await realpath(this.dataDir),
        } satisfies LockText);
        await handle.writeFile(this.self);
      } finally {
        await handle.close();
      }
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  /**
   * File systems of some kinds number their files anew each time they are mounted; where the folder's path is still the same, only
   * numbers of the same run of the machine are compared.
   */
  private async isCopied({ identity, inode }: Holder): Promise<boolean> {
    if (identity?.inode === undefined || identity.inode === inode) return false;
    const boot = bootOf(ownIdentity());
    return (
      identity.directory !== (await realpath(this.dataDir)) ||
      (boot !== undefined && boot === bootOf(identity))
    );
  }

  private async read(): Promise<Holder | 'gone'> {
    try {
      const handle = await open(this.file);
      try {
        const { mtimeMs, ino } = await handle.stat({ bigint: true });
        const text = await handle.readFile('utf8');
        return { text, age: Date.now() - Number(mtimeMs), identity: parse(text), inode: String(ino) };
      } finally {
        await handle.close();
      }
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
      if (taken !== expected) await link(aside, this.file);
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

interface LockText extends ProcessIdentity {
  /** Of the lock's file; absent in locks of older versions. */
  inode?: string;
  /** Where the file was made. */
  directory?: string;
}

interface Holder {
  text: string;
  /** Of the file as it is now. */
  inode: string;
  /** Milliseconds since the last heartbeat. */
  age: number;
  /** Absent if the file is not, or not yet, readable. */
  identity?: LockText;
}

function parse(text: string): LockText | undefined {
  try {
    return JSON.parse(text) as LockText;
  } catch {
    return undefined;
  }
}

function inUse({ identity }: Holder): DataDirInUseError {
  const who = identity ? `process ${identity.pid} on host ${identity.host}` : 'another process';
  return new DataDirInUseError([
    `DATA_DIR is in use by ${who}: the embedded database is for one process. ` +
      'Stop that one, choose another DATA_DIR, or set DATABASE_URL to a PostgreSQL.',
  ]);
}

function copied({ identity }: Holder): ConfigError {
  return new ConfigError([
    `DATA_DIR was copied from ${identity?.directory ?? 'elsewhere'} while process ${identity?.pid} on host ${identity?.host} used it, so its ` +
      `database may be torn: take a backup with "npm run backup" instead and restore that, or, if that process was not running when the ` +
      `folder was copied, delete ${LOCK_FILE} in the copy and start again.`,
  ]);
}
