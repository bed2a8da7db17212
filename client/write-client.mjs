/*
 * `npm run client -- --out DIR`: writes the typed client into a folder of its own, for front ends: what `@hey-api/openapi-ts` makes of the OpenAPI
 * document, and the readers of streams of this folder. Each file is there as TypeScript and compiled, so that
 * it is imported as it is by Node, browsers, bundlers and Metro alike, none of which agree on extensions.
 */
import * as fs from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const HERE = import.meta.dirname;
const NAME = 'parley-client';
const SOURCES = ['stream.ts', 'connection.ts', 'README.md'];
const INDEX = `export { createClient, createConfig } from './client/index.js';
export * from './client.gen.js';
export { ConnectionError, ProblemError, type StreamOptions } from './connection.js';
export * from './sdk.gen.js';
export * from './stream.js';
export * from './types.gen.js';
`;

const { values } = parseArgs({ options: { out: { type: 'string' }, dist: { type: 'string' } } });
if (!values.out) fail('Name the folder: npm run client -- --out DIR');
// npm runs scripts in the folder of package.json, wherever it was called.
const out = resolve(process.env.INIT_CWD ?? '.', values.out);
if (!isOurs(out)) fail(`${out} holds something else than this client: it would be replaced.`);

fs.mkdirSync(dirname(out), { recursive: true });
const draft = fs.mkdtempSync(join(dirname(out), `.${basename(out)}-`));
try {
  await write(join(draft, 'client'));
  fs.rmSync(out, { recursive: true, force: true });
  fs.renameSync(join(draft, 'client'), out);
} finally {
  fs.rmSync(draft, { recursive: true, force: true });
}
process.stdout.write(`Written to ${out}\n`);

/** Whether the folder is missing, empty, or was written by this program. @param {string} folder */
function isOurs(folder) {
  if (!fs.existsSync(folder)) return true;
  if (!fs.statSync(folder).isDirectory()) return false;
  if (fs.readdirSync(folder).length === 0) return true;
  const manifest = join(folder, 'package.json');
  return fs.existsSync(manifest) && JSON.parse(fs.readFileSync(manifest, 'utf8')).name === NAME;
}

/** Loads what it needs only now, when there is something to do. @param {string} folder */
async function write(folder) {
  // A build has its own, which is not in its place yet.
  const dist = resolve(HERE, '..', values.dist ?? 'dist');
  const { writeOpenApi } = await import(pathToFileURL(join(dist, 'src/write-openapi.js')).href);
  const { createClient } = await import('@hey-api/openapi-ts');
  const path = join(draft, 'openapi.json');
  await writeOpenApi(path);
  const document = JSON.parse(fs.readFileSync(path, 'utf8'));
  await createClient({
    input: document,
    output: {
      path: folder,
      module: { extension: '.js' },
      header: '// Generated: `npm run client` of Parley.',
    },
    logs: { level: 'silent' },
    // Their types stay. As functions they would repeat a POST without a key, and whatever was refused for ever.
    parser: { filters: { operations: { exclude: streamsOf(document) }, orphans: true } },
    plugins: [{ name: '@hey-api/client-fetch', baseUrl: false }, '@hey-api/typescript', '@hey-api/sdk'],
  });
  for (const name of SOURCES) fs.cpSync(join(HERE, name), join(folder, name));
  fs.writeFileSync(join(folder, 'index.ts'), INDEX);
  const manifest = {
    name: NAME,
    private: true,
    type: 'module',
    sideEffects: false,
    exports: { '.': './index.js' },
  };
  fs.writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  await compile(folder);
}

/** Operations that answer a stream, as the filter of the generator names them. @param {{ paths: Record<string, Record<string, any>> }} document */
function streamsOf({ paths }) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => operation.responses?.['200']?.content?.['text/event-stream'])
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  );
}

/** @param {string} folder */
async function compile(folder) {
  const { default: ts } = await import('typescript');
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
  };
  for (const name of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const source = fs.readFileSync(join(folder, name), 'utf8');
    const { outputText } = ts.transpileModule(source, { compilerOptions, fileName: name });
    fs.writeFileSync(join(folder, name.replace(/\.ts$/, '.js')), outputText);
  }
}

/** @param {string} why */
function fail(why) {
  process.stderr.write(`${why}\n`);
  process.exit(2);
}
