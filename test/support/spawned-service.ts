import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const MAIN = join(__dirname, '../../dist/src/main.js');
const KEEP = ['PATH', 'HOME', 'TMPDIR'];
/** A machine that is busy with other things takes long to start one. */
const PATIENCE_MS = 60_000;

/** The compiled service as a process of its own, which can be killed. */
export class SpawnedService {
  output = '';
  readonly exit: Promise<number | NodeJS.Signals | null>;
  private readonly child: ChildProcess;
  private readonly port: string;

  /**
   * Everything it keeps or reads is in this directory, unless `env` says something else.
   * `within`: a command that makes way for the one that follows it, such as `unshare`, so that the process id stays.
   */
  constructor(directory: string, env: NodeJS.ProcessEnv = {}, within: readonly string[] = []) {
    if (!existsSync(MAIN)) throw new Error('This starts the compiled service: run "npm run build" first.');
    this.port = env.PORT ?? '0';
    const inherited = Object.fromEntries(KEEP.map((name) => [name, process.env[name]]));
    const [program, ...rest] = [...within, process.execPath, MAIN];
    this.child = spawn(program, rest, {
      cwd: directory,
      env: {
        ...inherited,
        DATA_DIR: join(directory, 'data'),
        PORT: '0',
        LOG_FORMAT: 'json',
        RATE_LIMITS: 'off',
        ...env,
      },
    });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.exit = new Promise((resolve) => this.child.once('exit', (code, signal) => resolve(code ?? signal)));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exit;
  }

  /** Where it listens. Without a port of its own it says so, if its log level lets it. */
  async url(): Promise<string> {
    if (this.port !== '0') return `http://127.0.0.1:${this.port}`;
    const pattern = /listens on (http:\/\/[^/]+)\/api\/v1/;
    await this.until(() => pattern.test(this.output));
    return pattern.exec(this.output)?.[1] ?? '';
  }

  /** Where it listens, as soon as it is ready. */
  async ready(): Promise<string> {
    const url = await this.url();
    await this.until(async () => (await fetch(`${url}/health/ready`).catch(() => undefined))?.ok === true);
    return url;
  }

  private async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(50))
      if (await condition()) return;
    throw new Error(`Waited in vain:\n${this.output}`);
  }
}
