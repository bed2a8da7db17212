import { createHash } from 'node:crypto';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { pipeline } from 'node:stream';
import { CLUSTER, type EmbeddedDatabase, ENGINE_MAJOR } from '../embedded/embedded-database';
import {
  type BackupHeader,
  type BackupSummary,
  type Counts,
  countRows,
  FORMAT,
  HEADER,
  type RunStatement,
  SUMS,
} from './backup-format';
import { TAR_END, tarHeader, tarPadding } from './tar';

/** Most of a cluster is compressed well by the fastest level, and the service needs the processor as well. */
const GZIP_LEVEL = 1;
const CHUNK_BYTES = 256 * 1024;
/** What belongs to a process and not to the data, by PostgreSQL's own list for base backups; the log is copied at the end. */
const LEFT_OUT =
  /^(?:postmaster\.(?:pid|opts)|backup_label.*|.*\/pgsql_tmp.*|.*\/pg_internal\.init.*|parley\.lock)$/;
/** Folders that have to be there, without what is in them. */
const EMPTIED = new Set([
  'pg_dynshmem',
  'pg_notify',
  'pg_replslot',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
  'pg_wal',
]);
const CONTROL_FILE = 'global/pg_control';

export interface BackupSource {
  dataDir: string;
  embedded: EmbeddedDatabase;
  query: RunStatement;
  /** Of the service. */
  version: string;
}

/**
 * A copy of the cluster while it is used, by PostgreSQL's own way (`pg_backup_start`): the files are read as they are, some before and some
 * after a change, and the write-ahead log of the meantime is added, from which the first start of the copy makes them what they were at
 * the end. Writers wait for nothing but three short statements.
 */
export class ClusterBackup {
  private readonly sums: string[] = [];
  private readonly summary = { files: 0, bytes: 0 };
  private counts: Counts = { users: 0, conversations: 0, messages: 0 };

  constructor(private readonly source: BackupSource) {}

  /** The bytes of the backup. It is whole only if the stream ends without an error; `result` is there then. */
  stream(signal: AbortSignal): Readable {
    const gzip = createGzip({ level: GZIP_LEVEL });
    // An error reaches whoever reads.
    pipeline(this.archive(signal), gzip, () => undefined);
    return gzip;
  }

  get result(): BackupSummary {
    return { ...this.summary, ...this.counts };
  }

  private async *archive(signal: AbortSignal): AsyncGenerator<Buffer> {
    const { embedded, query } = this.source;
    const log = embedded.keepLog();
    const stopped = AbortSignal.any([signal, log.signal]);
    try {
      const [{ first }] = await query<{ first: string }>(
        `SELECT pg_walfile_name(pg_backup_start('parley', fast => true)) AS first`,
      );
      let end: BackupEnd;
      try {
        yield* this.header();
        yield* this.files(stopped);
        this.counts = await countRows(query);
      } finally {
        // A session has one backup at most: one that is not ended would keep the next one from beginning.
        end = await this.stop();
      }
      for (const name of await this.logFiles(first, end.last)) yield* this.file(`pg_wal/${name}`, stopped);
      yield* this.bytes(`${CLUSTER}/backup_label`, Buffer.from(end.label));
      yield* this.bytes(SUMS, Buffer.from(this.sums.join('')));
      yield TAR_END;
    } finally {
      log.release();
    }
  }

  private async *header(): AsyncGenerator<Buffer> {
    const { query, version } = this.source;
    const migrations = await query<{ name: string }>('SELECT name FROM migrations ORDER BY id');
    const header: BackupHeader = {
      format: FORMAT,
      version,
      created_at: new Date().toISOString(),
      postgres: ENGINE_MAJOR,
      migrations: migrations.map(({ name }) => name),
    };
    yield* this.bytes(HEADER, Buffer.from(`${JSON.stringify(header, null, 2)}\n`));
  }

  private async stop(): Promise<BackupEnd> {
    const [end] = await this.source.query<BackupEnd>(
      'SELECT labelfile AS label, pg_walfile_name(lsn) AS last FROM pg_backup_stop(wait_for_archive => false)',
    );
    return end;
  }

  /** The file that says where recovery begins comes last, as its copy must not be older than theirs. */
  private async *files(signal: AbortSignal): AsyncGenerator<Buffer> {
    yield tarHeader({ name: `${CLUSTER}/`, bytes: 0 });
    for await (const { name, isFolder } of this.walk('')) {
      if (isFolder) yield tarHeader({ name: `${CLUSTER}/${name}/`, bytes: 0 });
      else if (name !== CONTROL_FILE) yield* this.file(name, signal);
    }
    yield* this.file(CONTROL_FILE, signal);
  }

  private async *walk(folder: string): AsyncGenerator<{ name: string; isFolder: boolean }> {
    const entries = await readdir(this.pathOf(folder), { withFileTypes: true });
    for (const entry of entries) {
      const name = folder ? `${folder}/${entry.name}` : entry.name;
      if (LEFT_OUT.test(name)) continue;
      const isFolder = entry.isDirectory();
      if (!isFolder && EMPTIED.has(folder.split('/')[0])) continue;
      yield { name, isFolder };
      if (isFolder) yield* this.walk(name);
    }
  }

  private async logFiles(first: string, last: string): Promise<string[]> {
    const names = await readdir(this.pathOf('pg_wal'));
    return names.filter((name) => name.length === first.length && name >= first && name <= last).sort();
  }

  /** As many bytes as it has now: what is added or cut off meanwhile is in the log. */
  private async *file(name: string, signal: AbortSignal): AsyncGenerator<Buffer> {
    const handle = await open(this.pathOf(name)).catch(ignoreRemoved);
    if (!handle) return;
    try {
      const { size } = await handle.stat();
      const archived = `${CLUSTER}/${name}`;
      const hash = createHash('sha256');
      yield tarHeader({ name: archived, bytes: size });
      for (let left = size; left > 0;) {
        signal.throwIfAborted();
        const room = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, left));
        const { bytesRead } = await handle.read(room, 0, room.length);
        const bytes = bytesRead > 0 ? room.subarray(0, bytesRead) : room.fill(0);
        hash.update(bytes);
        left -= bytes.length;
        yield bytes;
      }
      yield tarPadding(size);
      this.note(archived, size, hash.digest('hex'));
    } finally {
      await handle.close();
    }
  }

  private *bytes(name: string, bytes: Buffer): Generator<Buffer> {
    yield tarHeader({ name, bytes: bytes.length });
    yield bytes;
    yield tarPadding(bytes.length);
    this.note(name, bytes.length, createHash('sha256').update(bytes).digest('hex'));
  }

  private note(name: string, bytes: number, sum: string): void {
    this.sums.push(`${sum}  ${name}\n`);
    this.summary.files += 1;
    this.summary.bytes += bytes;
  }

  private pathOf(name: string): string {
    return join(this.source.dataDir, CLUSTER, name);
  }
}

interface BackupEnd {
  label: string;
  /** Name of the last file of the log that the backup needs. */
  last: string;
}

/** A table was dropped meanwhile, which the log knows. */
function ignoreRemoved(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
