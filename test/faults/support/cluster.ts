import { execFile } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { withClient } from '../../support/database-template';

const run = promisify(execFile);
const VERSIONS = '/usr/lib/postgresql';

/** A PostgreSQL that may be crashed: on a disk that is waited for, in a directory of its own. */
export class Cluster {
  private readonly directory: string;
  private readonly data: string;

  private constructor(
    private readonly port: number,
    place: string,
  ) {
    this.directory = mkdtempSync(join(place, 'parley-cluster-'));
    this.data = join(this.directory, 'data');
  }

  /** @param place the folder that it is made in */
  static async create(place = tmpdir()): Promise<Cluster> {
    const cluster = new Cluster(await freePort(), place);
    if (isRoot) chownSync(cluster.directory, nobody(), -1);
    await cluster.run('initdb', '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C');
    await cluster.start();
    return cluster;
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  get address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: this.port };
  }

  async start(): Promise<void> {
    const options = `-p ${this.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=on`;
    await this.run('pg_ctl', '-w', '-l', join(this.directory, 'log'), '-o', options, 'start');
  }

  /** As if the power had failed: nothing is flushed, nobody is told. */
  async crash(): Promise<void> {
    await this.run('pg_ctl', '-m', 'immediate', '-w', 'stop');
  }

  /** Kills every process of the server at the same moment, as a machine does that fails. */
  async powerOff(): Promise<void> {
    const postmaster = Number(readFileSync(join(this.data, 'postmaster.pid'), 'utf8').split('\n')[0]);
    const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8')
      .trim()
      .split(' ');
    const pids = [postmaster, ...children.map(Number)];
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    while (pids.some(isAlive)) await sleep(10);
  }

  /** Kills one server process, upon which the server ends all others and recovers by itself. */
  async killBackend(): Promise<void> {
    await this.ask(
      `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1`,
    ).then((rows) => rows.forEach(({ pid }) => process.kill(pid, 'SIGKILL')));
    await this.answering();
  }

  async terminateAll(): Promise<void> {
    await this.ask(
      `SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()`,
    );
  }

  async remove(): Promise<void> {
    await this.crash().catch(() => undefined);
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async answering(): Promise<void> {
    for (;;) {
      await sleep(50);
      if (await this.ask('SELECT 1 AS pid').catch(() => undefined)) return;
    }
  }

  private ask(sql: string): Promise<{ pid: number }[]> {
    return withClient(this.url, async (client) => {
      client.on('error', () => undefined);
      return (await client.query<{ pid: number }>(sql)).rows;
    });
  }

  /** PostgreSQL refuses to run as root. */
  private async run(program: string, ...options: string[]): Promise<void> {
    const command = [join(binaries(), program), '-D', this.data, ...options];
    const [file, ...rest] = isRoot ? ['runuser', '-u', 'nobody', '--', ...command] : command;
    await run(file, rest, { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } });
  }
}

const isRoot = process.getuid?.() === 0;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Of the newest version that is installed. */
function binaries(): string {
  const newest = readdirSync(VERSIONS)
    .toSorted((a, b) => Number(a) - Number(b))
    .at(-1);
  return join(VERSIONS, newest ?? '', 'bin');
}

function nobody(): number {
  const line = /^nobody:[^:]*:(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'));
  return Number(line?.[1] ?? 65_534);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
