/** `npm run restore -- FILE`: makes the embedded database of a backup in an empty DATA_DIR. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from '../common/usage-error';
import { restoreCluster } from '../database/backup/cluster-restore';
import { migrationNames } from '../database/migration-files';
import { databaseConfig, libpqUrl, quoted, runCommand, sizeOf } from './commands';

const USAGE =
  'npm run restore -- FILE   restores a backup of the embedded database into DATA_DIR, which has to be empty';

async function restore([name, ...more]: string[]): Promise<string> {
  if (!name || name.startsWith('-') || more.length > 0) throw new UsageError(USAGE);
  const { url, dataDir } = await databaseConfig();
  if (url)
    throw new UsageError(
      `DATABASE_URL is a PostgreSQL, whose own program restores what pg_dump has made, into an empty database and while no service runs:\n` +
        `  pg_restore --no-owner --exit-on-error --single-transaction --dbname=${quoted(libpqUrl(url))} ${quoted(name)}`,
    );
  if (!existsSync(name)) throw new UsageError(`There is no file ${name}.`);
  const began = performance.now();
  const migrations = await migrationNames();
  const { header, bytes, files, ...counts } = await restoreCluster({
    file: resolve(name),
    dataDir,
    migrations,
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const older = migrations.some((migration) => !header.migrations.includes(migration));
  return (
    `${dataDir} is as version ${header.version} left it at ${header.created_at}: ${sizeOf(bytes)} in ${files} files, restored in ${seconds} s; ` +
    `${counts.users} users, ${counts.conversations} conversations, ${counts.messages} messages.` +
    (older ? ' The next start brings it up to date.' : '')
  );
}

runCommand(restore);
