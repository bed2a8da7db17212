import { z } from 'zod';

/**
 * A backup is a gzipped tar: `HEADER`, the files of the cluster below `postgres/`, and `SUMS`, which names each file with its
 * SHA-256 as `sha256sum --check` reads it.
 */
export const HEADER = 'parley-backup.json';
export const SUMS = 'SHA256SUMS';
export const FORMAT = 1;

export const headerSchema = z.object({
  format: z.number().int(),
  /** Of the service that made it. */
  version: z.string(),
  created_at: z.string(),
  /** Major version of PostgreSQL, which its files are for. */
  postgres: z.string(),
  /** Names of the migrations that its schema has gone through. */
  migrations: z.array(z.string()),
});

export type BackupHeader = z.infer<typeof headerSchema>;

/** How many of each there are; users are those with a row of their own. */
export interface Counts {
  users: number;
  conversations: number;
  messages: number;
}

/** One statement without parameters, in whichever session is there. */
export type RunStatement = <Row extends object>(statement: string) => Promise<Row[]>;

/** 64 MiB of a table, so that no statement holds up others for long. */
const BLOCKS = 8192;

/** Counts in slices: exact if nothing is written meanwhile. */
export async function countRows(query: RunStatement): Promise<Counts> {
  const counts: Counts = { users: 0, conversations: 0, messages: 0 };
  for (const table of ['users', 'conversations', 'messages'] as const) {
    const [{ blocks }] = await query<{ blocks: number }>(
      `SELECT (pg_relation_size('${table}') / current_setting('block_size')::int)::int AS blocks`,
    );
    for (let block = 0; block < blocks; block += BLOCKS) {
      const [{ rows }] = await query<{ rows: number }>(
        `SELECT count(*)::int AS rows FROM ${table} WHERE ctid >= '(${block},0)' AND ctid < '(${block + BLOCKS},0)'`,
      );
      counts[table] += rows;
    }
  }
  return counts;
}

export interface BackupSummary extends Counts {
  /** Of the cluster's files, before they were compressed. */
  files: number;
  bytes: number;
}

/** The file is no backup that can be restored here; the message says why. */
export class BackupError extends Error {}

/** Names of the cluster's files, as PostgreSQL makes them: nothing that could lead out of its folder. */
export const FILE_NAME = /^postgres\/(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*\/)*(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*)?$/;
