/*
 * `npm run build`, and the first part of `npm start` and of every command that runs what is compiled: makes `dist/`. A step runs where something that it
 * reads has changed since `dist/` was made; where nothing has, no compiler is started.
 *
 * A build works on a copy of `dist/` and puts it in its place as a whole. So `dist/` is always the result of one build that has ended: one that is killed
 * changes nothing, and of two at once the later one stays.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const DIST = join(ROOT, 'dist');
const DRAFT = join(ROOT, `dist-draft-${process.pid}`);
const STAMP = '.stamp.json';
const ABANDONED_MS = 3_600_000;
/** As in src/node-version.ts. */
const NEEDED = [24, 7];
const CANNOT_WRITE = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT'];
const { resolve: resolvePackage } = createRequire(import.meta.url);
const stopped = new AbortController();

/** What whoever builds is told, without a stack. */
class BuildError extends Error {}

/** Of the page and the client that it is made of. */
const PAGE_INPUTS = ['src', 'client', 'web', 'package-lock.json'];

/** In this order. `inputs` are the files and folders that a step reads; it writes into the folder that `run` is given. */
const STEPS = [
  {
    name: 'compiling',
    inputs: [
      'src',
      'migrations',
      'ormconfig.ts',
      'tsconfig.json',
      'tsconfig.build.json',
      'package-lock.json',
    ],
    run: (out) =>
      node(
        'node_modules/typescript/bin/tsc',
        '-p',
        'tsconfig.build.json',
        '--outDir',
        out,
        '--tsBuildInfoFile',
        join(out, '.tsbuildinfo'),
      ),
  },
  {
    name: 'copying the API reference',
    inputs: ['package-lock.json'],
    run: (out) =>
      fs.cpSync(resolvePackage('redoc/bundles/redoc.standalone.js'), join(out, 'assets/redoc.standalone.js')),
  },
  {
    name: 'preparing the database',
    inputs: ['src/database', 'migrations', 'package-lock.json'],
    run: (out) => node(join(out, 'src/database/prepare.js')),
  },
  {
    name: 'building the page',
    inputs: PAGE_INPUTS,
    run: (out) => node('web/build.mjs', out),
  },
  // Whoever has the service alone has no page to build.
].filter(({ inputs }) => inputs !== PAGE_INPUTS || fs.existsSync(join(ROOT, 'web')));

try {
  await main();
} catch (error) {
  if (!(error instanceof BuildError) && !CANNOT_WRITE.includes(error.code)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

async function main() {
  requireNode();
  // An image holds what was built, and nothing to build it from.
  if (!fs.existsSync(join(ROOT, 'src'))) return;
  process.chdir(ROOT);
  if (process.argv.includes('--forget')) {
    fs.rmSync(join(DIST, STAMP), { force: true });
    return;
  }
  const wanted = fingerprints();
  if (dueIn(DIST, wanted).length === 0) return;
  requirePackages();
  removeAbandoned();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
  try {
    copyDist();
    const due = dueIn(DRAFT, wanted);
    if (due.length === STEPS.length) emptyDraft();
    else removeStale();
    for (const step of due) await timed(step);
    writeStamp(wanted);
    publish();
  } finally {
    fs.rmSync(DRAFT, { recursive: true, force: true });
  }
}

/** Before anything that an older version does not know. */
function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return;
  throw new BuildError(`Parley needs Node.js ${NEEDED.join('.')} or newer, and this is ${process.versions.node}.
npm brings one along, by the install script of the package "node", which has not run: install scripts may be off (ignore-scripts). Either
  npm rebuild node --ignore-scripts=false    runs this one script
or install Node.js ${NEEDED.join('.')} or newer from https://nodejs.org: with it no install script is needed.`);
}

/** What is compiled against other packages than those of the lock file would count as made from these. */
function requirePackages() {
  const [locked, installed] = ['package-lock.json', 'node_modules/.package-lock.json'].map((file) =>
    fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')).packages : {},
  );
  const differs = Object.entries(locked).find(([path, { version, link, optional, devOptional }]) => {
    const there = installed[path];
    return path !== '' && !link && (there ? there.version !== version : !optional && !devOptional);
  });
  if (!differs) return;
  const [path, { version }] = differs;
  const there = installed[path]?.version;
  throw new BuildError(
    `There is something to build, and ${path} is ${there ? `version ${there} instead of ${version}` : 'missing'}. Install the packages: npm ci`,
  );
}

/** Of what each step reads, by the names of steps. */
function fingerprints() {
  const known = new Map();
  const of = (path) => {
    if (!known.has(path)) known.set(path, fingerprint(path));
    return known.get(path);
  };
  const program = of(fileURLToPath(import.meta.url));
  return Object.fromEntries(STEPS.map(({ name, inputs }) => [name, digest([program, ...inputs.map(of)])]));
}

/** Contents and names, not times: those say nothing after a checkout. Tests are no part of a build. */
function fingerprint(path) {
  if (!fs.existsSync(path)) return '';
  if (fs.statSync(path).isFile()) return digest([fs.readFileSync(path)]);
  const names = fs
    .readdirSync(path)
    .filter((name) => !name.endsWith('.spec.ts') && !name.startsWith('.') && name !== 'node_modules');
  return digest(names.sort().flatMap((name) => [name, fingerprint(join(path, name))]));
}

function digest(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex');
}

/** The steps that have something to do. Nothing counts as made where files are missing or have come since. */
function dueIn(folder, wanted) {
  const file = join(folder, STAMP);
  if (!fs.existsSync(file)) return STEPS;
  const { steps, files } = JSON.parse(fs.readFileSync(file, 'utf8'));
  return files === namesIn(folder) ? STEPS.filter(({ name }) => steps[name] !== wanted[name]) : STEPS;
}

/** A step whose inputs have changed meanwhile may have seen either, and counts as not made. */
function writeStamp(wanted) {
  const now = fingerprints();
  const steps = Object.fromEntries(Object.entries(wanted).filter(([name, value]) => now[name] === value));
  fs.writeFileSync(join(DRAFT, STAMP), JSON.stringify({ steps, files: namesIn(DRAFT) }));
}

function namesIn(folder) {
  const names = fs.readdirSync(folder, { recursive: true }).map(String);
  return digest(names.filter((name) => name !== STAMP).sort());
}

/** So that steps do no more than they must. Another build may put its own into the place meanwhile, and half of each is none. */
function copyDist() {
  const inode = () => fs.statSync(DIST, { throwIfNoEntry: false })?.ino;
  for (;;) {
    emptyDraft();
    const first = inode();
    const copied = ignoring(
      'ENOENT',
      () => first && fs.cpSync(DIST, DRAFT, { recursive: true, preserveTimestamps: true }),
    );
    if (copied && inode() === first) return;
  }
}

function emptyDraft() {
  fs.rmSync(DRAFT, { recursive: true, force: true });
  fs.mkdirSync(DRAFT);
}

/** What was compiled from files that are gone: migrations and entities are found by their names. */
function removeStale() {
  for (const name of fs.readdirSync(DRAFT, { recursive: true })) {
    const source = name.replace(/js(\.map)?$/, 'ts');
    if (/^(src|migrations)[/\\].*js(\.map)?$/.test(name) && !fs.existsSync(source))
      fs.rmSync(join(DRAFT, name));
  }
}

async function timed({ name, run }) {
  const start = performance.now();
  process.stderr.write(`${name} … `);
  await run(DRAFT);
  process.stderr.write(`${((performance.now() - start) / 1000).toFixed(1)} s\n`);
}

/** Runs a program of Node; what it says is no output of the command that needed the build. */
async function node(...args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 2, 2], signal: stopped.signal });
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('exit', resolve));
  if (code !== 0) throw new BuildError('Nothing was built.');
}

/** A draft that is not empty takes the place of no folder that is not, so the one that is there goes first; another build may be faster. */
function publish() {
  const old = `${DRAFT}-old`;
  for (;;) {
    if (fs.existsSync(DIST)) ignoring('ENOENT', () => fs.renameSync(DIST, old));
    const done = ignoring('ENOTEMPTY', () => fs.renameSync(DRAFT, DIST));
    fs.rmSync(old, { recursive: true, force: true });
    if (done) return;
  }
}

/** Whether it succeeded; throws what is of another code. */
function ignoring(code, action) {
  try {
    action();
    return true;
  } catch (error) {
    if (error.code !== code && !(code === 'ENOTEMPTY' && error.code === 'EEXIST')) throw error;
    return false;
  }
}

/** Of builds that were killed. */
function removeAbandoned() {
  for (const name of fs.readdirSync(ROOT).filter((each) => each.startsWith('dist-draft-'))) {
    const made = fs.statSync(join(ROOT, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - made > ABANDONED_MS) fs.rmSync(join(ROOT, name), { recursive: true, force: true });
  }
}

function stop() {
  stopped.abort();
  fs.rmSync(DRAFT, { recursive: true, force: true });
  process.exit(1);
}
