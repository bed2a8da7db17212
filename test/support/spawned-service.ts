import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = join(__dirname, '../..');
const MAIN = join(ROOT, 'dist/src/main.js');
/** A database for a few statements is not worth being compiled well, which takes longer than all of them. Fault runs do without. */
const COMPILED_FAST = process.execArgv.filter((flag) => flag === '--liftoff-only');
/** Of node, as `npm start` gives them. */
const FLAGS = flagsOf(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Package);
const KEEP = ['PATH', 'HOME', 'TMPDIR'];
/** A machine that is busy with other things takes long to start one. */
const PATIENCE_MS = 180_000;

interface Package {
  scripts: { 'start:prod': string };
}

export interface SpawnOptions {
  /** A command that makes way for the one that follows it, such as `unshare`, so that the process id stays. */
  within?: readonly string[];
  /** As an operator starts it, in a process group of its own. */
  withNpm?: boolean;
}

/** The compiled service as a process of its own, which can be killed. */
export class SpawnedService {
  output = '';
  readonly exit: Promise<number | NodeJS.Signals | null>;
  /** Of everything that it has started as well. */
  readonly silence: Promise<void>;
  private readonly child: ChildProcess;
  private readonly port: string;
  private readonly withNpm: boolean;

  /** Everything it keeps or reads is in this directory, unless `env` says something else. */
  constructor(
    directory: string,
    env: NodeJS.ProcessEnv = {},
    { within = [], withNpm = false }: SpawnOptions = {},
  ) {
    this.withNpm = withNpm;
    if (!existsSync(MAIN)) throw new Error('This starts the compiled service: run "npm run build" first.');
    this.port = env.PORT ?? '0';
    const inherited = Object.fromEntries(KEEP.map((name) => [name, process.env[name]]));
    const command = withNpm
      ? ['npm', 'run', '--silent', 'start:prod']
      : [process.execPath, ...FLAGS, ...COMPILED_FAST, MAIN];
    const [program, ...args] = [...within, ...command];
    this.child = spawn(program, args, {
      cwd: withNpm ? ROOT : directory,
      detached: withNpm,
      env: {
        ...inherited,
        DATA_DIR: join(directory, 'data'),
        PORT: '0',
        LOG_FORMAT: 'json',
        RATE_LIMITS: 'off',
        TITLE_MODEL: 'off',
        ...env,
      },
    });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.silence = new Promise((resolve) => this.child.once('close', () => resolve()));
    this.exit = new Promise((resolve) => this.child.once('exit', (code, signal) => resolve(code ?? signal)));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** To everything that it has started as well. */
  signalGroup(name: NodeJS.Signals): void {
    process.kill(-this.pid, name);
  }

  async kill(): Promise<void> {
    if (this.withNpm) await this.killGroup();
    this.signal('SIGKILL');
    await this.exit;
  }

  private async killGroup(): Promise<void> {
    try {
      this.signalGroup('SIGKILL');
    } catch {
      // Nothing is left of it.
    }
    await this.silence;
  }

  /** Where it listens. Without a port of its own it says so, if its log level lets it. */
  async url(): Promise<string> {
    if (this.port !== '0') return `http://127.0.0.1:${this.port}`;
    const pattern = /listens on (http:\/\/[^/]+)\/api\/v1/;
    await this.until(() => pattern.test(this.output));
    return pattern.exec(this.output)?.[1] ?? '';
  }

  /** Where it listens, as soon as it is ready. */
  async ready(patienceMs = PATIENCE_MS): Promise<string> {
    const url = await this.url();
    const isReady = async () => (await fetch(`${url}/health/ready`).catch(() => undefined))?.ok === true;
    await this.until(isReady, patienceMs);
    return url;
  }

  private async until(condition: () => boolean | Promise<boolean>, patienceMs = PATIENCE_MS): Promise<void> {
    for (const end = Date.now() + patienceMs; Date.now() < end; await sleep(50))
      if (await condition()) return;
    throw new Error(`Waited in vain:\n${this.output}`);
  }
}

function flagsOf({ scripts }: Package): string[] {
  return scripts['start:prod'].split(' ').filter((word) => word.startsWith('--'));
}
