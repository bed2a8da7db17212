import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until';
import { withClient } from './database-template';

/** Debian's. */
const PGBOUNCER = '/usr/sbin/pgbouncer';

export const hasPooler = existsSync(PGBOUNCER);

export interface Pooler {
  /** Of a database behind it, as `DATABASE_URL` names it. */
  url(database: string): string;
  close(): void;
}

/** PgBouncer in transaction mode, with few connections to a server that trusts whoever comes. */
export async function startPooler(serverUrl: string): Promise<Pooler> {
  const { hostname, port: serverPort, username } = new URL(serverUrl);
  const directory = mkdtempSync(join(tmpdir(), 'parley-pooler-'));
  const port = await freePort();
  const users = join(directory, 'users.txt');
  const settings = join(directory, 'pgbouncer.ini');
  writeFileSync(users, `"${username}" ""\n`);
  writeFileSync(
    settings,
    `[databases]
* = host=${hostname} port=${serverPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = transaction
default_pool_size = 4
ignore_startup_parameters = extra_float_digits
`,
  );
  chmodSync(directory, 0o755);
  // It refuses to run as root.
  const isRoot = process.getuid?.() === 0;
  const child = isRoot
    ? spawn('runuser', ['-u', 'nobody', '--', PGBOUNCER, settings], { stdio: 'ignore' })
    : spawn(PGBOUNCER, [settings], { stdio: 'ignore' });
  const url = (database: string) => `postgres://${username}@127.0.0.1:${port}/${database}?pgbouncer=true`;
  const probe = `postgres://${username}@127.0.0.1:${port}/postgres`;
  await until(() => withClient(probe, async () => true).catch(() => false), 30_000);
  return {
    url,
    close: () => {
      if (isRoot) execFileSync('pkill', ['-f', settings]);
      else child.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
