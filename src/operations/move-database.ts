/** `npm run move-database -- --to URL`: copies the embedded database into a PostgreSQL. */
import { parseArgs } from 'node:util';
import { UsageError } from '../common/usage-error';
import { ConfigError } from '../config/config-error';
import { moveDatabase } from '../database/move/database-move';
import { databaseConfig, libpqUrl, runCommand } from './commands';

const USAGE =
  'npm run move-database -- --to postgres://user@host:5432/database   copies the embedded database (DATA_DIR) into a PostgreSQL; its password in PGPASSWORD';

async function move(args: string[]): Promise<string> {
  const to = targetOf(args);
  const began = performance.now();
  const source = await databaseConfig();
  try {
    const { already, tables } = await moveDatabase({
      source,
      target: { ...source, url: to },
      report: (line) => void process.stdout.write(`${line}\n`),
    });
    const rows = tables.reduce((sum, table) => sum + table.rows, 0);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const done = already ? 'has been moved already, and is the same on both sides' : `moved in ${seconds} s`;
    return `${rows} rows in ${tables.length} tables: ${done}. Set DATABASE_URL to ${libpqUrl(to)} (with its password) and start the service; keep ${source.dataDir} until it has run for a while.`;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError(
      error.problems.map((problem) => problem.replace(/^DATABASE_URL/, '--to')).join('\n'),
    );
  }
}

function targetOf(args: string[]): string {
  let to: string | undefined;
  try {
    to = parseArgs({ args, options: { to: { type: 'string' } } }).values.to;
  } catch {
    throw new UsageError(USAGE);
  }
  if (to === undefined) throw new UsageError(USAGE);
  if (!/^postgres(ql)?:\/\//.test(to) || !URL.canParse(to))
    throw new UsageError(`--to must be a URL of a PostgreSQL, and ${JSON.stringify(to)} is none.\n${USAGE}`);
  return to;
}

runCommand(move);
