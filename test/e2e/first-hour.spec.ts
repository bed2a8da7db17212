import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ModelServer, startModelServer } from '../support/model-server';
import { reply } from '../support/model-server/behaviours';

const ROOT = join(__dirname, '../..');
const BLOCKS = [
  ...readFileSync(join(ROOT, 'docs/first-hour.md'), 'utf8').matchAll(
    /^```sh(?: (service|stopped))?\n([\s\S]*?)^```$/gm,
  ),
].map(([, kind, code]) => ({ kind, code }));
const NGINX = '/usr/sbin/nginx';
/** It installs and builds, and removes what it has installed. */
const PATIENCE_MS = 1_200_000;

/** What the page says of a newcomer's machine, with other ports and the repository that this is. */
class Machine {
  readonly folder = mkdtempSync(join(tmpdir(), 'parley-first-hour-'));
  private readonly services = new Map<string, ChildProcess>();
  private variables = '';

  constructor(private readonly places: [string, string][]) {}

  /** One block after the other, as in one terminal: later ones see its variables. Answers what each has printed. */
  async run(code: string): Promise<string> {
    const script = `set -euo pipefail\n${this.variables}${this.placed(code)}\n`;
    const child = spawn('bash', ['-c', script], {
      cwd: this.cwd,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const status = await new Promise((resolve) => child.once('exit', resolve));
    if (status !== 0) throw new Error(`${code}\nended with ${String(status)}:\n${output}`);
    this.variables += this.placed(code)
      .split('\n')
      .filter((line) => /^(export )?[A-Z_]+=\S+$/.test(line))
      .map((line) => `${line}\n`)
      .join('');
    return output;
  }

  /** In a terminal of its own, until another one takes its port. */
  async start(code: string): Promise<string> {
    const port = /\bPORT=(\d+)/.exec(code)?.[1] ?? '3000';
    await this.stop(port);
    const script = `${this.variables}export PORT=${this.placed('3000')}\n${this.placed(code)}`;
    const child = spawn('bash', ['-c', script], { cwd: this.cwd, env: this.env, detached: true });
    this.services.set(port, child);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end && child.exitCode === null; await sleep(200))
      if (output.includes('listens on')) return output;
    throw new Error(`${code}\ndoes not listen:\n${output}`);
  }

  async stopServices(): Promise<void> {
    for (const port of this.services.keys()) await this.stop(port);
  }

  async end(): Promise<void> {
    await this.stopServices();
    const pid = join(this.folder, 'parley/nginx.pid');
    if (existsSync(pid)) process.kill(Number(readFileSync(pid, 'utf8')));
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async stop(port: string): Promise<void> {
    const child = this.services.get(port);
    this.services.delete(port);
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('close', resolve));
    process.kill(-child.pid!, 'SIGINT');
    await gone;
  }

  private placed(code: string): string {
    return this.places.reduce((text, [from, to]) => text.replaceAll(from, to), code);
  }

  private get cwd(): string {
    const clone = join(this.folder, 'parley');
    return existsSync(clone) ? clone : this.folder;
  }

  private get env(): NodeJS.ProcessEnv {
    return {
      // Not the Node of these tests: a newcomer has another one.
      PATH: `${process.env.PATH?.split(':')
        .filter((path) => !path.includes('node_modules'))
        .join(':')}:/usr/sbin`,
      HOME: process.env.HOME,
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: `url.file://${ROOT}.insteadOf`,
      GIT_CONFIG_VALUE_0: 'https://git.example.com/parley.git',
      GIT_CONFIG_KEY_1: 'safe.directory',
      GIT_CONFIG_VALUE_1: '*',
    };
  }
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

/** What each block has printed must show what the page says of it. */
const EXPECTED = [
  [/listens on/, /"type":"end"/, /<title>Parley<\/title>/],
  [/models +llama3\.2 at/, /"response":"From a model\."/],
  [/From a model\.[\s\S]*4 messages/],
  [/rows in \d+ tables: moved in/, /PostgreSQL at/, /"status"/, /What did I say\?/],
  [/listens on/, /"type":"end"/, /Hello, both of you!/],
  [/listens on/, /Hello, both of you!/],
  [/database +embedded, in \S+restored/, /What did I say\?/],
].flat();

describe.runIf(existsSync(NGINX))('the first hour', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'parley-postgres-'));
  let model: ModelServer;
  let machine: Machine;

  beforeAll(async () => {
    model = await startModelServer();
    model.otherwise(reply('From a model.'));
    const postgres = execFileSync('bash', [join(ROOT, '.ci/postgres'), 'start', scratch], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    const ports = await Promise.all(
      ['3000', '3001', '3002', '8080'].map(async (port) => [port, await freePort()]),
    );
    machine = new Machine([
      ['http://127.0.0.1:11434', new URL(model.url).origin],
      ['postgres://parley:parley@127.0.0.1:5432/parley', postgres],
      ...(ports as [string, string][]),
    ]);
  }, 120_000);
  afterAll(async () => {
    await machine.end();
    execFileSync('bash', [join(ROOT, '.ci/postgres'), 'stop', scratch], { stdio: 'ignore' });
    rmSync(scratch, { recursive: true, force: true });
    await model.close();
  }, PATIENCE_MS);

  it('goes as the page says', { timeout: PATIENCE_MS }, async () => {
    let output = '';
    for (const { kind, code } of BLOCKS) {
      if (kind === 'stopped') await machine.stopServices();
      output += await (kind === 'service' ? machine.start(code) : machine.run(code));
    }
    const missing: string[] = [];
    let rest = output;
    for (const expected of EXPECTED) {
      const match = expected.exec(rest);
      if (match) rest = rest.slice(match.index + match[0].length);
      else missing.push(String(expected));
    }
    expect(missing, output).toEqual([]);
    // `npm ci` finds nothing wrong with a newcomer's Node.
    expect(output).not.toContain('EBADENGINE');
  });
});
