import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { connectionOptions } from '../../src/database/connection-options';
import { EmbeddedDatabase } from '../../src/database/embedded/embedded-database';
import { migrate } from '../../src/database/migrations';
import { databaseConfig } from './database-config';

const ROOT = join(__dirname, '../..');
const CACHE = join(ROOT, 'node_modules/.cache/test-database');
const KEEP_MS = 24 * 3600 * 1000;

/** Path of a dump of an empty, migrated embedded database; kept between runs until a migration changes. */
export async function migratedSnapshot(): Promise<string> {
  const file = join(CACHE, `${await migrationsHash()}.tar`);
  await mkdir(CACHE, { recursive: true });
  await removeOld(file);
  if (
    await access(file).then(
      () => false,
      () => true,
    )
  )
    await makeSnapshot(file);
  return file;
}

/** Name of an empty, migrated database on the server, to be used as a template. */
export async function migratedTemplate(serverUrl: string): Promise<string> {
  const name = `parley_template_${await migrationsHash()}`;
  await withClient(serverUrl, async (client) => {
    // Several test runs may begin at once.
    await client.query('SELECT pg_advisory_lock(7205759404)');
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount) return;
    const draft = `${name}_draft`;
    await client.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${draft}`);
    await migrate(
      connectionOptions(databaseConfig({ url: urlOf(serverUrl, draft) }), undefined, { unlimited: true }),
    );
    await client.query(`ALTER DATABASE ${draft} RENAME TO ${name}`);
  });
  return name;
}

/** One connection to the server, for the time of the work. */
export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The URL of another database on the same server. */
export function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.toString();
}

async function makeSnapshot(file: string): Promise<void> {
  const embedded = new EmbeddedDatabase({ dataDir: 'memory://' });
  try {
    await migrate(connectionOptions(databaseConfig({}), embedded, { unlimited: true }));
    const draft = `${file}.${process.pid}`;
    await writeFile(draft, await embedded.dump());
    await rename(draft, file);
  } finally {
    await embedded.close();
  }
}

/** Of everything that the result depends on: the migrations and the version of the embedded engine. */
async function migrationsHash(): Promise<string> {
  const hash = createHash('sha256');
  hash.update(await readFile(join(ROOT, 'node_modules/@electric-sql/pglite/package.json')));
  const directory = join(ROOT, 'migrations');
  for (const name of (await readdir(directory)).filter((file) => file.endsWith('.ts')).sort()) {
    hash.update(name).update(await readFile(join(directory, name)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function removeOld(current: string): Promise<void> {
  for (const name of await readdir(CACHE)) {
    const path = join(CACHE, name);
    const { mtimeMs } = await stat(path);
    if (path !== current && Date.now() - mtimeMs > KEEP_MS) await rm(path, { force: true });
  }
}
