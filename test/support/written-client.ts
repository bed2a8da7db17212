import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const PROGRAM = resolve('client/write-client.mjs');
const TSC = resolve('node_modules/typescript/bin/tsc');

/** As strict as a front end may be, with what browsers have and nothing of Node. */
export const COMPILER_OPTIONS = {
  target: 'es2022',
  lib: ['es2022', 'dom', 'dom.iterable'],
  module: 'esnext',
  moduleResolution: 'bundler',
  types: [],
  strict: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  isolatedModules: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
  skipDefaultLibCheck: true,
};

let written: Promise<string> | undefined;

/** A folder, far from the packages of the service, with what `npm run client` writes in `parley/`. Written once per process. */
export function clientFolder(): Promise<string> {
  return (written ??= write());
}

async function write(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-client-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  await node(PROGRAM, ['--out', join(folder, 'parley')]);
  return folder;
}

/** `npm run client` with these parameters, in a folder. */
export function writeClient(parameters: string[], cwd = process.cwd()): Promise<string> {
  return node(PROGRAM, parameters, { ...process.env, INIT_CWD: cwd });
}

export function compile(project: string): Promise<string> {
  return node(TSC, ['-p', project]);
}

/** Runs a script; throws what it wrote if it fails. */
export async function node(script: string, parameters: string[] = [], env = process.env): Promise<string> {
  const run = promisify(execFile)(process.execPath, [script, ...parameters], { env });
  const wrote = await run.catch(({ stdout, stderr }: { stdout: string; stderr: string }) => {
    throw new Error(`${stdout}${stderr}`);
  });
  return wrote.stdout;
}
