import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core';
import { DataSource } from 'typeorm';
import { connectionOptions } from '../../src/database/connection-options';
import { EmbeddedDatabase } from '../../src/database/embedded/embedded-database';
import { ApiClient } from './api-client';
import { databaseConfig } from './database-config';
import { ModelServer } from './model-server';
import { RequestProxy } from './request-proxy';
import { SpawnedService } from './spawned-service';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** Where screenshots go, for people to look at; none are made without it. */
const SCREENSHOTS = process.env.SCREENSHOTS;
const hasChromium = existsSync(CHROMIUM);
const START_MS = 120_000;
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--mute-audio',
];

/** What no test of the page may leave behind. */
export interface Faults {
  /** Errors of scripts, rejections that nobody handles, and what the console says of errors. */
  list: string[];
  /** Failures that a test causes itself, and that the console reports. */
  expected: RegExp[];
}

/** Environment variables of the service, where it matters made for the model server. */
type PageEnv = NodeJS.ProcessEnv | ((model: ModelServer) => NodeJS.ProcessEnv);

/**
 * Tests of the page: in Chromium, against the compiled service as a process, with a model that answers as scripted. All tests of a `describe`
 * share one service and one browser, and each has a browser context and a user of its own.
 */
export function describePage(name: string, env: PageEnv, tests: (t: PageFixture) => void): void {
  const where = hasChromium
    ? ''
    : ` (skipped: there is no Chromium at ${CHROMIUM}; install it, or set CHROMIUM)`;
  (hasChromium ? describe : describe.skip)(`${name}${where}`, () => {
    const fixture = new PageFixture(env);
    beforeAll(() => fixture.begin(), START_MS);
    beforeEach(() => fixture.beginTest());
    afterEach(() => fixture.endTest());
    afterAll(() => fixture.end(), START_MS);
    tests(fixture);
  });
}

export class PageFixture {
  readonly model = new ModelServer();
  readonly faults: Faults = { list: [], expected: [] };
  proxy!: RequestProxy;
  user = '';
  private browser!: Browser;
  private directory!: string;
  private service: SpawnedService | undefined;
  private serviceUrl = '';
  private contexts: BrowserContext[] = [];
  private count = 0;

  constructor(private readonly env: PageEnv) {}

  async begin(): Promise<void> {
    this.directory = mkdtempSync(join(tmpdir(), 'parley-page-'));
    await this.model.listen();
    await Promise.all([
      this.startService(),
      chromium.launch({ executablePath: CHROMIUM, args: FLAGS }).then((browser) => (this.browser = browser)),
    ]);
    this.proxy = await RequestProxy.start(() => this.serviceUrl);
  }

  async end(): Promise<void> {
    await this.browser?.close();
    await this.proxy?.close();
    await this.service?.kill();
    await this.model.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  beginTest(): void {
    this.model.reset();
    this.proxy.reset();
    this.faults.list.length = 0;
    this.faults.expected.length = 0;
    this.user = `user-${++this.count}`;
  }

  async endTest(): Promise<void> {
    await Promise.all(this.contexts.map((context) => context.close()));
    this.contexts = [];
    expect(
      this.faults.list.filter((fault) => !this.faults.expected.some((each) => each.test(fault))),
    ).toEqual([]);
  }

  async startService(): Promise<void> {
    this.service = new SpawnedService(this.directory, {
      ...this.model.env,
      LLM_MAX_RETRIES: '0',
      ...(typeof this.env === 'function' ? this.env(this.model) : this.env),
    });
    this.serviceUrl = await this.service.ready();
  }

  /** Changes what is stored, while the service is not there: the embedded database is one process's. */
  async inDatabase(statements: [sql: string, values: unknown[]][]): Promise<void> {
    this.service?.signal('SIGTERM');
    await this.service?.exit;
    const config = databaseConfig({ dataDir: join(this.directory, 'data') });
    const database = new EmbeddedDatabase(config);
    await database.start();
    const dataSource = await new DataSource(connectionOptions(config, database)).initialize();
    for (const [sql, values] of statements) await dataSource.query(sql, values);
    await dataSource.destroy();
    await database.close();
    await this.startService();
  }

  /** As a crash does. */
  async killService(): Promise<void> {
    await this.service?.kill();
  }

  get url(): string {
    return this.proxy.url;
  }

  /** The API itself, as the user of this test. */
  get api(): ApiClient {
    return this.apiOf(this.user);
  }

  apiOf(user: string): ApiClient {
    return ApiClient.of(() => this.serviceUrl, user);
  }

  /** A browser of its own, in which this user has said who they are; '' for nobody. */
  async context(options: BrowserContextOptions = {}, user = this.user): Promise<BrowserContext> {
    const context = await this.browser.newContext({
      locale: 'en-US',
      viewport: { width: 1280, height: 800 },
      ...options,
    });
    this.contexts.push(context);
    if (user)
      await context.addInitScript(
        `localStorage.getItem('parley.user') ?? localStorage.setItem('parley.user', '"${user}"')`,
      );
    return context;
  }

  /** A tab at an address of the page. */
  async open(path = '', context?: BrowserContext): Promise<Page> {
    const page = await (context ?? (await this.context())).newPage();
    page.setDefaultTimeout(30_000);
    this.watch(page);
    await page.goto(`${this.url}/#/${path}`);
    return page;
  }

  watch(page: Page): void {
    page.on('pageerror', (error) => this.faults.list.push(`${error.stack ?? error}`));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.faults.list.push(message.text());
    });
  }

  async screenshot(page: Page, name: string): Promise<void> {
    if (!SCREENSHOTS) return;
    mkdirSync(SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
  }
}

export const box = (page: Page): Locator => page.getByRole('textbox', { name: 'Message', exact: true });

export async function say(page: Page, text: string): Promise<void> {
  await box(page).fill(text);
  await box(page).press('Enter');
}

/** The last reply of the conversation that is shown. */
export const lastReply = (page: Page): Locator => page.locator('article.reply').last();
