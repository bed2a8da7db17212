import { type ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { assertNodeVersion } from '../../src/node-version';

const ROOT = join(__dirname, '../..');
const OLD_NODE = `data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'20.20.2'}})`;
let folder: string;

// A project as small as can be, for the real script with the real compiler.
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'parley-build-'));
  for (const file of ['scripts/build.mjs', 'tsconfig.json', 'package-lock.json'])
    write(file, fs.readFileSync(join(ROOT, file), 'utf8'));
  write('tsconfig.build.json', fs.readFileSync(join(ROOT, 'tsconfig.build.json'), 'utf8'));
  write('ormconfig.ts', 'export const options = 1;\n');
  write('migrations/1-first.ts', 'export const first = 1;\n');
  write('src/main.ts', 'export const main = 1;\n');
  write('src/main.spec.ts', 'export const test = 1;\n');
  write(
    'src/database/prepare.ts',
    `import { appendFileSync } from 'node:fs';\nimport { join } from 'node:path';\nappendFileSync(join(__dirname, '../../prepared'), 'once ');\n`,
  );
  fs.symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function write(file: string, content: string): void {
  fs.mkdirSync(dirname(join(folder, file)), { recursive: true });
  fs.writeFileSync(join(folder, file), content);
}

function start(args: string[] = [], nodeArgs: string[] = []): ChildProcess {
  return spawn(process.execPath, [...nodeArgs, join(folder, 'scripts/build.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

async function ended(child: ChildProcess) {
  const exit = new Promise((resolve) => child.once('exit', resolve));
  const [out, err] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  return { code: await exit, out, err };
}

const build = (args?: string[], nodeArgs?: string[]) => ended(start(args, nodeArgs));
const steps = (err: string) => [...err.matchAll(/^(\w+).* … \d+\.\d s$/gm)].map(([, verb]) => verb);
const dist = (file: string) => fs.readFileSync(join(folder, 'dist', file), 'utf8');
const inode = () => fs.statSync(join(folder, 'dist')).ino;
const drafts = () => fs.readdirSync(folder).filter((name) => name.startsWith('dist-draft'));

it('says what it does and how long it takes, on the standard error alone, and does nothing where nothing has changed', async () => {
  const first = await build();
  expect(first).toMatchObject({ code: 0, out: '' });
  expect(steps(first.err)).toEqual(['compiling', 'copying', 'preparing']);
  expect(fs.existsSync(join(folder, 'dist/assets/redoc.standalone.js'))).toBe(true);
  expect(fs.existsSync(join(folder, 'dist/src/main.spec.js'))).toBe(false);

  const made = inode();
  write('src/main.spec.ts', 'export const test = 2;\n');
  expect(await build()).toEqual({ code: 0, out: '', err: '' });
  expect(inode()).toBe(made);
  expect(drafts()).toEqual([]);
});

it('does the steps whose inputs have changed, whatever their times say, and leaves nothing of files that are gone', async () => {
  write('src/gone.ts', 'export const gone = 1;\n');
  await build();
  fs.rmSync(join(folder, 'src/gone.ts'));
  write('src/main.ts', 'export const main = 2;\n');
  // As after a checkout by a tool that keeps times.
  fs.utimesSync(join(folder, 'src/main.ts'), 0, 0);
  expect(steps((await build()).err)).toEqual(['compiling']);
  expect(dist('src/main.js')).toContain('main = 2');
  expect(fs.readdirSync(join(folder, 'dist/src')).sort()).toEqual(['database', 'main.js', 'main.js.map']);
  expect(dist('prepared')).toBe('once ');

  write('migrations/2-second.ts', 'export const second = 1;\n');
  expect(steps((await build()).err)).toEqual(['compiling', 'preparing']);
  expect(dist('prepared')).toBe('once once ');
});

it('goes back with the sources', async () => {
  await build();
  const before = dist('src/main.js');
  write('src/main.ts', 'export const main = 2;\n');
  await build();
  write('src/main.ts', 'export const main = 1;\n');
  await build();
  expect(dist('src/main.js')).toBe(before);
});

it.each(['dist', 'dist/src/main.js', 'dist/.stamp.json'])(
  'makes everything anew without %s',
  async (path) => {
    await build();
    fs.rmSync(join(folder, path), { recursive: true });
    expect(steps((await build()).err)).toEqual(['compiling', 'copying', 'preparing']);
    expect(dist('src/main.js')).toContain('main = 1');
    expect(dist('prepared')).toBe('once ');
  },
);

it('makes everything anew where something else has written there', async () => {
  await build();
  expect(await build(['--forget'])).toMatchObject({ code: 0, err: '' });
  fs.writeFileSync(join(folder, 'dist/src/main.js'), 'of a watching compiler');
  await build();
  expect(dist('src/main.js')).toContain('main = 1');
});

it('leaves what there is when it is killed, and what it leaves behind goes when it is old', async () => {
  await build();
  const before = dist('src/main.js');
  write('src/main.ts', 'export const main = 2;\n');
  const killed = start();
  await new Promise((resolve) => killed.stderr!.once('data', resolve));
  process.kill(-killed.pid!, 'SIGKILL');
  await ended(killed);
  expect(dist('src/main.js')).toBe(before);
  expect(drafts()).toHaveLength(1);

  fs.utimesSync(join(folder, drafts()[0]), 0, 0);
  await build();
  expect(dist('src/main.js')).toContain('main = 2');
  expect(drafts()).toEqual([]);
});

it('removes its draft when it is stopped', async () => {
  const stopped = start();
  await new Promise((resolve) => stopped.stderr!.once('data', resolve));
  stopped.kill('SIGTERM');
  expect((await ended(stopped)).code).toBe(1);
  expect(drafts()).toEqual([]);
  expect(fs.existsSync(join(folder, 'dist'))).toBe(false);
});

it('runs beside another one', async () => {
  const results = await Promise.all([build(), build(), build()]);
  expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(drafts()).toEqual([]);
  expect(await build()).toEqual({ code: 0, out: '', err: '' });
});

it('shows the errors of the compiler and leaves what there is', async () => {
  await build();
  write('src/main.ts', 'export const main: string = 1;\n');
  const failed = await build();
  expect(failed.code).toBe(1);
  expect(failed.err).toMatch(/src\/main\.ts.*TS2322/);
  expect(failed.err).not.toContain('    at ');
  expect(dist('src/main.js')).toContain('main = 1');
  expect(drafts()).toEqual([]);
});

it('says which Node is missing and how to get it without install scripts', async () => {
  const { code, err } = await build([], ['--import', OLD_NODE]);
  expect(code).toBe(1);
  expect(err).toContain('and this is 20.20.2.');
  expect(err).toContain('npm rebuild node --ignore-scripts=false');
  const [needed] = /Node\.js \d+\.\d+ or newer/.exec(err)!;

  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  assertNodeVersion('20.20.2');
  const said = String(stderr.mock.calls[0][0]);
  stderr.mockRestore();
  exit.mockRestore();
  expect(said).toContain(needed);
});

it('asks for the packages of the lock file where others are installed, or none', async () => {
  const lock = fs.readFileSync(join(folder, 'package-lock.json'), 'utf8');
  const version = /"node_modules\/rxjs": \{\s+"version": "([^"]+)"/.exec(lock)![1];
  write('package-lock.json', lock.replace(`"version": "${version}"`, '"version": "0.0.1"'));
  expect((await build()).err).toMatch(/is version .* instead of 0\.0\.1\. Install the packages: npm ci\n$/);

  fs.rmSync(join(folder, 'node_modules'));
  expect((await build()).err).toMatch(/is missing\. Install the packages: npm ci\n$/);
});

it('has nothing to do where there is nothing to build from, as in an image', async () => {
  fs.rmSync(join(folder, 'src'), { recursive: true });
  expect(await build()).toEqual({ code: 0, out: '', err: '' });
});
