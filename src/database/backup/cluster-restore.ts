import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { pipeline } from 'node:stream';
import { Pool } from 'pg';
import { makeDurable, makeTreeDurable } from '../../common/durable';
import { DataDirLock, LOCK_FILE } from '../embedded/data-dir-lock';
import { CLUSTER, EmbeddedDatabase, ENGINE_MAJOR, UNFINISHED_RESTORE } from '../embedded/embedded-database';
import {
  BackupError,
  type BackupHeader,
  type BackupSummary,
  type Counts,
  countRows,
  FILE_NAME,
  FORMAT,
  HEADER,
  headerSchema,
  SUMS,
} from './backup-format';
import { readTar, TarFormatError } from './tar';

/** What may be in a folder that counts as empty: of ours, and of a volume's file system. */
const NOTHING = new Set([LOCK_FILE, UNFINISHED_RESTORE, `${CLUSTER}.new`, 'lost+found']);
/** The header and the list of sums are held in memory. */
const LARGEST_TEXT = 16 * 1024 ** 2;

export interface RestoreOptions {
  file: string;
  /** Has to be empty, or not to be there. */
  dataDir: string;
  /** Names of all that this version has. */
  migrations: readonly string[];
}

export interface Restored extends BackupSummary {
  header: BackupHeader;
}

/**
 * Makes the database of a backup in an empty data directory. Its files are made beside their place, checked, opened once and forced to the
 * disk, so that what is moved to its place at the end has all that the backup has; until then a start of the service refuses the directory.
 * @throws {BackupError} if the file is not whole, or not for this version; `ConfigError` if the directory is in use or not empty
 */
export async function restoreCluster({ file, dataDir, migrations }: RestoreOptions): Promise<Restored> {
  const lock = new DataDirLock(dataDir);
  await lock.acquire();
  try {
    const others = (await readdir(dataDir)).filter((name) => !NOTHING.has(name));
    if (others.length > 0) throw notEmpty(dataDir, others);
    const draft = join(dataDir, UNFINISHED_RESTORE);
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { mode: 0o700 });
    try {
      const unpacked = await unpack(file, draft, migrations);
      const counts = await openOnce(draft);
      // Otherwise a power failure could keep the new name and lose what is in the files.
      await makeTreeDurable(join(draft, CLUSTER));
      await rename(join(draft, CLUSTER), join(dataDir, CLUSTER));
      await makeDurable(dataDir);
      return { ...unpacked, ...counts };
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  } finally {
    await lock.release();
  }
}

function notEmpty(dataDir: string, names: string[]): BackupError {
  return new BackupError(
    `DATA_DIR ${dataDir} is not empty (it has ${names.slice(0, 3).join(', ')}): a backup is restored into an empty one. ` +
      `Move it away first (mv ${dataDir} ${dataDir}.old), or name another one: DATA_DIR=… npm run restore -- FILE`,
  );
}

/** The engine replays the log of the backup and shuts down cleanly. */
async function openOnce(draft: string): Promise<Counts> {
  const embedded = new EmbeddedDatabase({ dataDir: draft });
  const pool = new Pool({
    user: 'postgres',
    database: 'postgres',
    password: '',
    max: 1,
    stream: embedded.streams(Infinity),
  });
  try {
    await embedded.start();
    return await countRows(async (statement) => (await pool.query(statement)).rows);
  } finally {
    await pool.end();
    await embedded.close();
  }
}

async function unpack(file: string, draft: string, migrations: readonly string[]) {
  const unpacking = new Unpacking(draft, migrations);
  try {
    const gunzip = createGunzip();
    pipeline(createReadStream(file, { highWaterMark: 256 * 1024 }), gunzip, () => undefined);
    for await (const piece of readTar(gunzip as AsyncIterable<Buffer>)) {
      if ('entry' in piece) await unpacking.begin(piece.entry.name, piece.entry.bytes);
      else await unpacking.add(piece.bytes);
    }
    return await unpacking.finish();
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (error instanceof TarFormatError || code.startsWith('Z_'))
      throw new BackupError(
        `${file} is no backup, or was cut or altered (${message}); DATA_DIR is as it was.`,
      );
    throw error;
  } finally {
    await unpacking.close();
  }
}

/** Takes the entries of an archive one after the other. */
class Unpacking {
  private header?: BackupHeader;
  private current?: { name: string; hash: Hash; file?: FileHandle; text: Buffer[] };
  private readonly sums = new Map<string, string>();
  private listed?: string;
  private bytes = 0;

  constructor(
    private readonly draft: string,
    private readonly migrations: readonly string[],
  ) {}

  async begin(name: string, bytes: number): Promise<void> {
    await this.end();
    const isText = name === HEADER || name === SUMS;
    if (isText ? bytes > LARGEST_TEXT : !FILE_NAME.test(name))
      throw new TarFormatError(`${name} is none of its files.`);
    if (!this.header && name !== HEADER) throw new TarFormatError(`it does not begin with ${HEADER}`);
    if (name.endsWith('/')) {
      await mkdir(join(this.draft, name), { mode: 0o700 });
      return;
    }
    const file = isText ? undefined : await open(join(this.draft, name), 'wx', 0o600);
    this.current = { name, hash: createHash('sha256'), file, text: [] };
    this.bytes += bytes;
  }

  async add(bytes: Buffer): Promise<void> {
    if (!this.current) throw new TarFormatError('A folder has bytes.');
    const { hash, file, text } = this.current;
    hash.update(bytes);
    if (file) await file.writeFile(bytes);
    else text.push(Buffer.from(bytes));
  }

  async finish(): Promise<{ header: BackupHeader; files: number; bytes: number }> {
    await this.end();
    const expected = [...this.sums].map(([name, sum]) => `${sum}  ${name}\n`).join('');
    if (!this.header || this.listed === undefined) throw new TarFormatError('it has no sums');
    if (this.listed !== expected) throw new TarFormatError('its sums are not those of its files');
    return { header: this.header, files: this.sums.size, bytes: this.bytes };
  }

  async close(): Promise<void> {
    await this.current?.file?.close();
    this.current = undefined;
  }

  private async end(): Promise<void> {
    if (!this.current) return;
    const { name, hash, text } = this.current;
    await this.close();
    const whole = Buffer.concat(text).toString();
    if (name === SUMS) this.listed = whole;
    else this.sums.set(name, hash.digest('hex'));
    if (name === HEADER) this.header = this.readHeader(whole);
  }

  /** Before anything is written. */
  private readHeader(text: string): BackupHeader {
    const { format } = (parseJson(text) ?? {}) as Partial<BackupHeader>;
    if (format !== undefined && format !== FORMAT) throw newer(`its format is ${format}`);
    const header = headerSchema.safeParse(parseJson(text)).data;
    if (!header) throw new TarFormatError(`its ${HEADER} cannot be read`);
    if (header.postgres !== ENGINE_MAJOR)
      throw new BackupError(
        `The backup was made by version ${header.version}, whose database is PostgreSQL ${header.postgres}; this version has ${ENGINE_MAJOR}. ` +
          `Restore it with that version, and see "Upgrade" in docs/operate.md.`,
      );
    const known = new Set(this.migrations);
    const unknown = header.migrations.filter((name) => !known.has(name));
    if (unknown.length > 0) throw newer(`unknown migrations: ${unknown.slice(0, 3).join(', ')}`);
    return header;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function newer(why: string): BackupError {
  return new BackupError(
    `The backup was made by a newer version of this service (${why}). Restore it with that version.`,
  );
}
