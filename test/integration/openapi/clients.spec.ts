import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { writeOpenApi } from '../../../src/write-openapi';
import { useChatApp } from '../../support/use-chat-app';

const NODE_MODULES = resolve('node_modules');
const HEY_API = join(NODE_MODULES, '@hey-api/openapi-ts/bin/run.js');
const OPENAPI_TYPESCRIPT = join(NODE_MODULES, 'openapi-typescript/bin/cli.js');
const TSC = join(NODE_MODULES, 'typescript/bin/tsc');

/** As strict as a product may be, and without `skipLibCheck`: what was generated is checked as well. */
const COMPILER_OPTIONS = {
  target: 'es2024',
  lib: ['es2024', 'dom', 'dom.iterable', 'dom.asynciterable'],
  module: 'nodenext',
  types: [],
  strict: true,
  noUncheckedIndexedAccess: true,
  noImplicitReturns: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
  skipDefaultLibCheck: true,
};

/** Beside the packages, so that the programs find them. */
let directory: string;
let document: string;
const t = useChatApp({}, { own: 'is asked by generated clients' });
beforeAll(async () => {
  await mkdir(join(NODE_MODULES, '.cache'), { recursive: true });
  directory = await mkdtemp(join(NODE_MODULES, '.cache/openapi-clients-'));
  document = join(directory, 'openapi.json');
  await writeOpenApi(document);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Runs a script, and says what it wrote if it fails. */
async function node(script: string, ...parameters: string[]): Promise<string> {
  const run = promisify(execFile)(process.execPath, [script, ...parameters], { cwd: directory });
  const wrote = await run.catch(({ stdout, stderr }: { stdout: string; stderr: string }) => {
    throw new Error(`${script} failed:\n${stdout}${stderr}`);
  });
  return wrote.stdout;
}

/** Compiles a program together with its generated client. */
async function compiled(name: string, client: Client): Promise<string> {
  const folder = join(directory, name);
  const program = join(folder, 'program.ts');
  await mkdir(folder);
  await client.generate(join(folder, 'client'));
  await cp(join(__dirname, `programs/${name}.ts.txt`), program);
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...COMPILER_OPTIONS, ...client.options }, include: ['.'] }),
  );
  await node(TSC, '-p', folder);
  return program.replace(/ts$/, 'js');
}

interface Client {
  generate(folder: string): Promise<unknown>;
  options?: object;
}

const CLIENTS: Record<string, Client> = {
  // Its own runtime does not compile with exact optional properties.
  'hey-api': {
    generate: (folder) =>
      node(HEY_API, '-i', document, '-o', folder, '-c', '@hey-api/client-fetch', '--silent'),
  },
  'openapi-fetch': {
    generate: (folder) => node(OPENAPI_TYPESCRIPT, document, '-o', join(folder, 'schema.ts')),
    options: { exactOptionalPropertyTypes: true },
  },
};

it.each(Object.keys(CLIENTS))(
  'a typed program with %s streams a reply to its end',
  async (name) => {
    const program = await compiled(name, CLIENTS[name]);
    const { titles, reply, stored, refused } = JSON.parse(await node(program, t.url));
    expect(titles.sort()).toEqual(['first', 'second']);
    expect(reply).toMatchObject({ finishReason: 'stop', fullText: reply.chunks });
    expect(reply.chunks).toContain('Hello');
    expect(stored).toBe(reply.fullText);
    expect(refused).toBe('validation_failed');
  },
  60_000,
);
