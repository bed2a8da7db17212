import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { parentOf } from './proc.mjs';
import { OTHER_CORE, pinned, ROOT } from './processes.mjs';

/** A PostgreSQL for this run: that of DATABASE_URL, in databases of our own, or one that is started and thrown away. */
export class Postgres {
  /** @type {string[]} */
  #databases = [];
  /** The process that all of its processes are children of; undefined if it runs elsewhere. @type {number | undefined} */
  pid;
  version = '';

  static async start() {
    const scratch = process.env.DATABASE_URL ? undefined : mkdtempSync(join(tmpdir(), 'parley-bench-'));
    const postgres = new Postgres(scratch, process.env.DATABASE_URL ?? control('start', String(scratch)));
    try {
      await postgres.#recognise();
    } catch (error) {
      await postgres.stop();
      throw error;
    }
    return postgres;
  }

  /** @param {string | undefined} scratch @param {string} url */
  constructor(scratch, url) {
    this.scratch = scratch;
    this.url = url;
    process.once('exit', this.#throwAway);
  }

  /** Also when the run is broken off. */
  #throwAway = () => {
    if (!this.scratch) return;
    control('stop', this.scratch);
    rmSync(this.scratch, { recursive: true, force: true });
  };

  /** A new and empty database. @returns {Promise<string>} its URL */
  async createDatabase() {
    const name = `parley_bench_${process.pid}_${this.#databases.length}`;
    await this.query(`CREATE DATABASE ${name}`);
    this.#databases.push(name);
    const url = new URL(this.url);
    url.pathname = `/${name}`;
    return url.href;
  }

  async #recognise() {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid, version() AS version');
    this.version = rows[0].version.split(' ').slice(0, 2).join(' ');
    const { pid } = rows[0];
    const local =
      existsSync(`/proc/${pid}/comm`) && readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('postgres');
    this.pid = local ? parentOf(pid) : undefined;
    await client.end();
  }

  async stop() {
    process.off('exit', this.#throwAway);
    if (this.scratch) {
      this.#throwAway();
    } else {
      for (const name of this.#databases) await this.query(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  }

  /** @param {string} text */
  async query(text) {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  }
}

/** @param {'start' | 'stop'} action @param {string} directory */
function control(action, directory) {
  const [program, rest] = pinned(OTHER_CORE, ['bash', `${ROOT}/.ci/postgres`, action, directory]);
  return execFileSync(program, rest, { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' }).trim();
}
