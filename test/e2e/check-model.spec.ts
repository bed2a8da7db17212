import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failure, reply, status } from '../support/model-server/behaviours';
import type { Behaviour } from '../support/model-server/exchange';
import { useModelServer } from '../support/use-model-server';

/* `npm run check-model`, as an operator runs it: the compiled command as a process of its own. */

const COMMAND = join(__dirname, '../../dist/src/models/check-model.js');
const KEY = 'sk-canary-0123456789';
const MODELS = `
providers:
  - { name: main, base_url: URL/v1, api_key_env: MAIN_KEY }
  - { name: bare, base_url: URL, api_key_env: MAIN_KEY }
  - { name: built-in, kind: demo }
models:
  - { id: fast, provider: main, name: gpt-5-mini }
  - { id: slip, provider: main, name: gpt-5-mni }
  - { id: rooted, provider: bare, name: gpt-5-mini }
  - { id: demo, provider: built-in }
`;

const server = useModelServer();
let directory: string;

beforeAll(() => {
  if (!existsSync(COMMAND)) throw new Error('This runs the compiled command: run "npm run build" first.');
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'parley-check-'));
  server.reset();
  server.otherwise(provider);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const provider: Behaviour = (exchange) => {
  const { url, body } = exchange.request;
  if (url === '/v1/models') return status(200, { data: [{ id: 'gpt-5-mini' }, { id: 'tts-1' }] })(exchange);
  if (url !== '/v1/chat/completions') return status(404, '404 page not found')(exchange);
  if (body.model === 'gpt-5-mini') return reply('Yes?')(exchange);
  const refusal = { code: 'model_not_found', message: `There is no ${body.model} for ${KEY}.\u001b[2J` };
  return failure(404, refusal, { 'x-request-id': 'req_theirs' })(exchange);
};

async function run(args: string[], env: NodeJS.ProcessEnv) {
  const { PATH, HOME, TMPDIR } = process.env;
  const child = spawn(process.execPath, [COMMAND, ...args], {
    cwd: directory,
    env: { PATH, HOME, TMPDIR, DATA_DIR: join(directory, 'data'), ...env },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(out + err).not.toMatch(new RegExp(`${KEY}|\u001b|^ {4}at `, 'm'));
  // Nothing was opened, and so nothing was made.
  expect(readdirSync(directory).filter((name) => name === 'data')).toEqual([]);
  return { code, out: out.replaceAll(new URL(server.url).origin, 'URL').replace(/\d+ ms/g, 'N ms'), err };
}

function modelsFile(): NodeJS.ProcessEnv {
  const path = join(directory, 'models.yaml');
  writeFileSync(path, MODELS.replaceAll('URL', new URL(server.url).origin));
  return { MODELS_FILE: path, MAIN_KEY: KEY };
}

it('says of every model whether it answers, and how to mend what does not', async () => {
  expect(await run([], modelsFile())).toEqual({
    code: 1,
    err: '',
    out: [
      'ok      fast (gpt-5-mini) of main: answers after N ms',
      'FAILED  slip (gpt-5-mni) of main: provider_model_not_found, 404, model_not_found',
      '        The provider has no model gpt-5-mni. Its names are like this: gpt-5-mini',
      '        It says: There is no gpt-5-mni for ***. [2J',
      '        Asked: URL/v1/chat/completions',
      '        Its request id: req_theirs',
      'FAILED  rooted (gpt-5-mini) of bare: provider_bad_request, 404',
      '        The base URL lacks /v1: use URL/v1',
      '        It says: 404 page not found',
      '        Asked: URL/chat/completions',
      'ok      demo of built-in: answers after N ms',
      '',
    ].join('\n'),
  });
});

it('asks one model if it is told to, once', async () => {
  expect(await run(['fast'], modelsFile())).toEqual({
    code: 0,
    err: '',
    out: 'ok      fast (gpt-5-mini) of main: answers after N ms\n',
  });
  expect(server.requests).toHaveLength(1);
});

it('does not try again what fails', async () => {
  server.otherwise(failure(500, { message: 'GPU on fire' }));
  const { code, out } = await run(['fast'], modelsFile());
  expect([code, out.split('\n')[1]]).toEqual([1, expect.stringContaining('failed (500)')]);
  expect(server.requests).toHaveLength(1);
});

it('knows which model may have been meant', async () => {
  const { code, err } = await run(['fats'], modelsFile());
  expect([code, err]).toEqual([1, 'No model fats is configured. There is: fast\n']);
  expect((await run(['nothing-like-it'], modelsFile())).err).toMatch(/There are: fast, slip, rooted, demo/);
  expect((await run(['--help'], modelsFile())).err).toMatch(/check-model -- \[model\]/);
});

it('works with the demo model, where nothing is configured', async () => {
  expect(await run([], {})).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^ok {6}parley-demo of demo/),
  });
});

it('says what is wrong with a configuration that cannot be read, and with one provider by variables', async () => {
  const bearer = await run([], { ...server.env, OPENAI_API_KEY: `Bearer ${KEY}` });
  expect([bearer.code, bearer.err]).toEqual([
    1,
    expect.stringMatching(/OPENAI_API_KEY must be .*without.*Bearer/),
  ]);
  server.otherwise(failure(401));
  const quoted = await run([], { ...server.env, OPENAI_API_KEY: `'${KEY}'` });
  expect([quoted.code, quoted.out]).toEqual([1, expect.stringContaining('quotes around it')]);
});
