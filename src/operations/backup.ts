/** `npm run backup -- FILE`: a copy of the embedded database in one file, also while the service runs. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, link, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { callbackify } from 'node:util';
import { Pool } from 'pg';
import { VERSION } from '../common/version';
import { makeDurable } from '../common/durable';
import { UsageError } from '../common/usage-error';
import type { BackupSummary } from '../database/backup/backup-format';
import { ClusterBackup } from '../database/backup/cluster-backup';
import { CLUSTER, EmbeddedDatabase } from '../database/embedded/embedded-database';
import { askRunningProcess, byWhoeverMay } from './control/control-client';
import { databaseConfig, libpqUrl, quoted, runCommand, sizeOf } from './commands';

const USAGE =
  'npm run backup -- FILE   writes a backup of the embedded database (DATA_DIR) to FILE, also while the service runs';

async function backup([name, ...more]: string[]): Promise<string> {
  if (!name || name.startsWith('-') || more.length > 0) throw new UsageError(USAGE);
  const { url, dataDir } = await databaseConfig();
  if (url)
    throw new UsageError(
      `DATABASE_URL is a PostgreSQL, whose own program takes backups, also while the service runs:\n` +
        `  pg_dump --format=custom --no-owner --file=${quoted(name)} ${quoted(libpqUrl(url))}`,
    );
  await stat(join(dataDir, CLUSTER)).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      error.code === 'ENOENT'
        ? `DATA_DIR ${dataDir} has no database yet: there is nothing to back up.`
        : `DATA_DIR ${dataDir} cannot be read by this user (${error.code}): run the command as the user of the service.`,
    );
  });
  const file = resolve(name);
  if (!existsSync(dirname(file))) throw new UsageError(`${name}: there is no folder ${dirname(file)}.`);
  if (existsSync(file)) throw new UsageError(`${name} is there already, and is not written over.`);
  const began = performance.now();
  const draft = new Draft(file);
  try {
    const bytes = await draft.open();
    const summary = await byWhoeverMay(
      () => askRunningProcess(dataDir, { command: 'backup', arguments: [] }, bytes),
      () => takeAlone(dataDir, bytes),
    );
    const { size, sha256 } = await draft.keep();
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    return (
      `${name}: ${sizeOf(size)} in ${seconds} s, of ${sizeOf(summary.bytes)} in ${summary.files} files; ` +
      `${summary.users} users, ${summary.conversations} conversations, ${summary.messages} messages\nSHA-256 ${sha256}`
    );
  } finally {
    await draft.remove();
  }
}

async function takeAlone(dataDir: string, bytes: Writable): Promise<BackupSummary> {
  const embedded = new EmbeddedDatabase({ dataDir });
  await embedded.start();
  const pool = new Pool({
    user: 'postgres',
    database: 'postgres',
    password: '',
    max: 1,
    stream: embedded.streams(Infinity),
  });
  try {
    const query = async <Row>(statement: string) => (await pool.query(statement)).rows as Row[];
    const taken = new ClusterBackup({ dataDir, embedded, query, version: VERSION });
    await pipeline(taken.stream(new AbortController().signal), bytes, { end: false });
    return taken.result;
  } finally {
    await pool.end();
    await embedded.close();
  }
}

/** The file until it is whole: beside its place, so that nobody takes a part for the whole. */
class Draft {
  private readonly path: string;
  private readonly hash = createHash('sha256');
  private handle?: FileHandle;
  private bytes?: Writable;

  constructor(private readonly file: string) {
    this.path = join(dirname(file), `.${basename(file)}.${process.pid}.partial`);
  }

  async open(): Promise<Writable> {
    const handle = await open(this.path, 'wx', 0o600);
    this.handle = handle;
    this.bytes = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.hash.update(chunk);
        const write = callbackify(() => handle.writeFile(chunk));
        write(done);
      },
    });
    // Whoever writes the next bytes hears of it.
    return this.bytes.on('error', () => undefined);
  }

  /** Never over a file that has come meanwhile. */
  async keep(): Promise<{ size: number; sha256: string }> {
    this.bytes?.end();
    if (this.bytes) await finished(this.bytes);
    await this.handle?.sync();
    await link(this.path, this.file).catch(async (error: NodeJS.ErrnoException) => {
      // Not every file system has links.
      if (error.code === 'EEXIST' || existsSync(this.file)) throw error;
      await rename(this.path, this.file);
    });
    await makeDurable(dirname(this.file));
    const { size } = await stat(this.file);
    return { size, sha256: this.hash.digest('hex') };
  }

  async remove(): Promise<void> {
    await this.handle?.close();
    if (this.handle) await rm(this.path, { force: true });
  }
}

runCommand(backup);
