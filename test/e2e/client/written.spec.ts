import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { StreamEvent } from '../../../src/replies/events/reply-event.dto';
import { Random } from '../../faults/support/random';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { type ModelServer, startModelServer } from '../../support/model-server';
import { echo, reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { RequestProxy } from '../../support/request-proxy';
import { until } from '../../support/until';
import { clientFolder, compile, COMPILER_OPTIONS, node, writeClient } from '../../support/written-client';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const SEED = Number(process.env.FAULTS_SEED ?? Date.now() % 1_000_000);
/** Compilers take long on a busy machine. */
const LONG_MS = 300_000;
const WORDS = 'Zwölf Boxkämpfer jagen 維克多 quer über den großen Sylter Deich 🦊 und zurück. ';

let model: ModelServer;
let folder: string;

beforeAll(async () => {
  model = await startModelServer();
  folder = await clientFolder();
}, LONG_MS);
beforeEach(() => {
  model.reset();
  model.otherwise(echo());
});
afterAll(() => model.close());

describe('the folder that npm run client writes', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'parley-written-'))));
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it(
    'compiles strictly, as modules of Node and of bundlers, without any package',
    { timeout: LONG_MS },
    async () => {
      expect(readdirSync(join(folder, 'parley'))).toEqual(
        expect.arrayContaining(['README.md', 'index.js', 'index.ts', 'sdk.gen.ts', 'stream.ts']),
      );
      for (const modules of [{}, { module: 'nodenext', moduleResolution: 'nodenext' }]) {
        const compilerOptions = { ...COMPILER_OPTIONS, ...modules, noEmit: true };
        const project = join(directory, 'tsconfig.json');
        writeFileSync(project, JSON.stringify({ compilerOptions, include: [join(folder, 'parley')] }));
        await compile(project);
      }
    },
  );

  it('is what a program in Node uses as it is, typed or not', { timeout: LONG_MS }, async () => {
    const t = await createTestApp({ env: model.env });
    try {
      const program = join(folder, 'program.mjs');
      const [, code] = /```ts\n([^]*?)```/.exec(readFileSync(join(folder, 'parley/README.md'), 'utf8')) ?? [];
      writeFileSync(program, code.replace('http://127.0.0.1:3000', t.url));
      expect(await node(program)).toMatch(/^Hello!\n{ *\n? *data: \[/);
    } finally {
      await t.close();
    }
  });

  it('replaces one of before, and nothing else', { timeout: LONG_MS }, async () => {
    const before = join(directory, 'before');
    cpSync(join(folder, 'parley'), before, { recursive: true });
    writeFileSync(join(before, 'left-over.ts'), '');
    // Where npm was called is where a relative path begins.
    await writeClient(['--out', 'before'], directory);
    expect(readdirSync(before)).toEqual(readdirSync(join(folder, 'parley')));
    expect(readdirSync(directory)).toEqual(['before']);
    writeFileSync(join(directory, 'file'), '');
    for (const other of [directory, join(directory, 'file')])
      await expect(writeClient(['--out', other])).rejects.toThrow('holds something else than this client');
    await expect(writeClient([])).rejects.toThrow('npm run client -- --out DIR');
    expect(readdirSync(directory).sort()).toEqual(['before', 'file']);
  });
});

/** Events as a page has collected them. */
type Event = StreamEvent & { id?: string };

const inChromium = existsSync(CHROMIUM) ? describe : describe.skip;
inChromium(
  `in Chromium${existsSync(CHROMIUM) ? '' : ` (there is none at ${CHROMIUM}: set CHROMIUM)`}`,
  () => {
    let t: TestApp;
    let files: Server;
    let origin: string;
    let proxy: RequestProxy;
    let browser: Browser;
    let context: BrowserContext;

    beforeAll(async () => {
      files = serveFiles();
      files.listen(0, '127.0.0.1');
      await once(files, 'listening');
      origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
      t = await createTestApp({ env: { ...model.env, CORS_ORIGINS: origin } });
      proxy = await RequestProxy.start(() => t.url);
      browser = await chromium.launch({
        executablePath: CHROMIUM,
        args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
      });
    });
    beforeEach(async () => {
      proxy.reset();
      context = await browser.newContext();
    });
    afterEach(() => context.close());
    afterAll(async () => {
      await browser?.close();
      await proxy?.close();
      await t?.close();
      files?.close();
    });

    /** Its own files, and an empty page. */
    function serveFiles(): Server {
      return createServer(({ url = '' }, response) => {
        const file = join(folder, url);
        if (url === '/')
          response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>Page</title>');
        else if (!existsSync(file)) response.writeHead(404).end();
        else response.setHeader('Content-Type', TYPES[extname(file)] ?? '').end(readFileSync(file));
      });
    }
    const TYPES: Record<string, string> = { '.js': 'text/javascript' };

    async function open(faults: string[]): Promise<Page> {
      const page = await context.newPage();
      page.on('pageerror', (error) => faults.push(String(error)));
      await page.goto(origin);
      // Scripts are text: what the compiler of the tests makes of functions is not meant for a page.
      await page.evaluate(`(async () => {
      window.parley = await import('/parley/index.js');
      window.options = { baseUrl: '${proxy.url}', headers: { 'X-User-ID': 'alice' } };
      window.events = [];
      window.collect = async (events) => { for await (const event of events) window.events.push(event); };
    })()`);
      return page;
    }

    const collected = (page: Page) => page.evaluate('window.events') as Promise<Event[]>;
    const textOf = (events: Event[]) =>
      events.map((event) => (event.type === 'chunk' ? event.data.content : '')).join('');

    it(`shows every event of a turn once, through a network that cuts and delays (seed ${SEED})`, async () => {
      model.otherwise(echo({ delayMs: 2 }));
      const random = new Random(SEED);
      proxy.otherwise = ({ method }) => {
        if (method === 'OPTIONS' || random.chance(0.2)) return { kind: 'none' };
        const kind = random.pick(['lost', 'unanswered', 'twice', 'repeat', 'cut', 'ended', 'delay'] as const);
        if (kind === 'cut' || kind === 'ended') return { kind, afterBytes: random.int(0, 3_000) };
        if (kind === 'delay') return { kind, ms: random.int(1, 40) };
        return { kind };
      };
      const faults: string[] = [];
      const page = await open(faults);
      const content = WORDS.repeat(5);
      await page.evaluate(
        `window.collect(parley.streamTurn({ ...options, maxRetries: 50, turn: { content: ${JSON.stringify(content)} } }))`,
      );
      const events = await collected(page);
      const messageId = events[0].id?.split(':')[0];
      expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => `${messageId}:${index + 1}`));
      expect(events.at(-1)).toMatchObject({ type: 'end', data: { full_text: content } });
      expect(textOf(events)).toBe(content);
      expect(model.requests).toHaveLength(1);
      expect(faults).toEqual([]);
    });

    it('follows one conversation in two tabs at once, and leaves nothing open', async () => {
      const faults: string[] = [];
      const [one, two] = [await open(faults), await open(faults)];
      const { body } = await t.as('alice').post('/api/v1/conversations').send({}).expect(201);
      const id = JSON.stringify(body.id);
      for (const page of [one, two])
        await page.evaluate(`(() => {
        window.leave = new AbortController();
        const { signal } = leave;
        window.left = collect(parley.followConversation({ ...options, signal, conversationId: ${id} }))
          .catch((error) => error === signal.reason);
      })()`);
      await until(async () => proxy.open === 2);
      const gate = hold();
      model.script(reply(['Half', gate, ' whole.']));
      const turn = one.evaluate(
        `(async () => { for await (const event of parley.streamTurn({ ...options, conversationId: ${id}, turn: { content: 'x' } })) break; })()`,
      );
      for (const page of [one, two]) await until(async () => textOf(await collected(page)) === 'Half');
      await turn;
      gate.release();
      for (const page of [one, two]) {
        await until(async () => (await collected(page)).at(-1)?.type === 'end');
        expect(textOf(await collected(page))).toBe('Half whole.');
        expect(await page.evaluate('(window.leave.abort(), window.left)')).toBe(true);
      }
      await until(async () => proxy.open === 0);
      expect(faults).toEqual([]);
    });
  },
);
