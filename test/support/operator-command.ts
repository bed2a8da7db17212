import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const DIST = join(__dirname, '../../dist/src');
const COMMANDS = {
  admin: 'users/admin/admin.js',
  backup: 'operations/backup.js',
  restore: 'operations/restore.js',
  'move-database': 'operations/move-database.js',
} as const;

export interface CommandResult {
  code: number | null;
  out: string;
  err: string;
}

/** A command of the operator (`npm run backup -- FILE`) as a process of its own, in this directory; it sees no other variables than these. */
export class OperatorCommand {
  readonly child: ChildProcess;
  readonly result: Promise<CommandResult>;

  constructor(name: keyof typeof COMMANDS, args: string[], directory: string, env: NodeJS.ProcessEnv) {
    const script = join(DIST, COMMANDS[name]);
    if (!existsSync(script)) throw new Error('This runs compiled commands: run "npm run build" first.');
    const { PATH, HOME, TMPDIR } = process.env;
    const flags = process.execArgv.filter((flag) => flag === '--liftoff-only');
    this.child = spawn(process.execPath, [...flags, script, ...args], {
      cwd: directory,
      env: { PATH, HOME, TMPDIR, ...env },
    });
    let [out, err] = ['', ''];
    this.child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()));
    this.result = new Promise((resolve) => this.child.once('close', (code) => resolve({ code, out, err })));
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.result;
  }
}
