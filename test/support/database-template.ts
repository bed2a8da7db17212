import { join } from 'node:path';
import { Client } from 'pg';
import { connectionOptions } from '../../src/database/connection-options';
import { makeCluster } from '../../src/database/make-cluster';
import { migrate } from '../../src/database/migrations';
import { clusterKey, preparedCluster } from '../../src/database/prepared-cluster';
import { databaseConfig } from './database-config';

const CACHE = join(__dirname, '../../node_modules/.cache/test-database');

/** Directory of an empty, migrated embedded database; kept between runs until a migration changes. */
export async function migratedCluster(): Promise<string> {
  return (await preparedCluster(CACHE)) ?? makeCluster(CACHE);
}

/** Name of an empty, migrated database on the server, to be used as a template. */
export async function migratedTemplate(serverUrl: string): Promise<string> {
  const name = `parley_template_${await clusterKey()}`;
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
