import { randomBytes } from 'node:crypto';
import { PARAMS_PROVIDER_TOKEN, PinoLogger } from 'nestjs-pino';
import { DataSource } from 'typeorm';
import { CircuitBreakers } from '../../src/llm/run/circuit-breakers';
import { ApiClient } from './api-client';
import { createTestApp, type RunningApp, type TestApp, type TestAppOptions } from './create-test-app';
import { ModelServer } from './model-server';
import { createTestDatabase, type TestDatabase } from './test-database';
import { until } from './until';

/** Environment variables on top of what suits tests and of the model server's; as a function if they are only known, or made, when the tests start. */
type Variables = NodeJS.ProcessEnv;
type Env = Variables | ((model: ModelServer) => Variables | Promise<Variables>);

/** An application that a file uses. It has everything only while tests and hooks run, except its clients and its model. */
export interface ChatApp extends RunningApp {
  /** The provider of the application; every file finds it as if it had just started. */
  readonly model: ModelServer;
  /** The id of this user. In a shared application the user is this file's own: no other file's `alice` is the same. */
  user(name: string): string;
  /** Requests of this user. */
  as(name: string): ReturnType<RunningApp['as']>;
  /** A client of this user; may be made before the application is there. */
  client(name: string): ApiClient;
}

export interface OwnOptions extends Pick<TestAppOptions, 'overrides' | 'imports'> {
  /** Why the application cannot be shared: what this file stops, breaks, counts or replaces. */
  own: string;
  /** Makes the database, which is removed at the end, instead of an empty one. */
  database?: () => Promise<TestDatabase>;
  /** A second process on the database of this one. Only on a PostgreSQL server. */
  beside?: OwnApp;
}

/**
 * The application of a file, or of a `describe`, on a port; with `model`, which answers for every model. Failures of the model are not
 * tried again unless `LLM_MAX_RETRIES` says so. Spies and a fake clock are restored at the end.
 *
 *     const t = useChatApp();                                              // the one that this worker already runs, or a new one
 *     const t = useChatApp({ CHAT_MAX_CONTENT_CHARS: '3' });               // the one with these variables
 *     const t = useChatApp({}, { own: 'restarts' });                        // one of its own
 *
 * A file whose tests only do what users do shares the application. One that counts the rows of everybody, stops the application, changes its
 * schema, leases or background work, replaces its providers or reads its log has one of its own, and says why.
 */
export function useChatApp(env?: Env): ChatApp;
export function useChatApp(env: Env, options: OwnOptions): OwnApp;
export function useChatApp(env: Env = {}, options?: OwnOptions): ChatApp {
  const used = options ? new OwnApp(env, options) : new SharedApp(env);
  beforeAll(() => used.begin(), HOOK_MS);
  // Registered before all hooks of the file, so it runs after them.
  afterAll(async () => {
    vi.restoreAllMocks();
    vi.useRealTimers();
    await used.end();
  }, HOOK_MS);
  return used;
}

/** On top of the others, for an application whose models come from a file, or that has none but the built-in demonstration. */
export const NO_MODEL = { OPENAI_API_KEY: '', OPENAI_BASE_URL: '', OPENAI_MODEL: '' };

/** How many applications a worker keeps: each is a database of some hundred megabytes, and most files want the same one. */
const KEPT = 2;
/** After this time an application that still has replies to write is not given to the next file. */
const REST_MS = 10_000;
/** A database of an older version is migrated meanwhile. */
const HOOK_MS = 120_000;

/** One for all that share an application, so that its address, which is in their variables, is the same for every file. */
const sharedModel = new ModelServer();
/** Those that files share, by their variables, the one that was used last at the end. Files of a worker run one after the other. */
const kept = new Map<string, TestApp>();
/** Those of the files, and of `describe`s in them, that have not ended. */
const inUse = new Set<TestApp>();

abstract class UsedApp implements ChatApp {
  protected running!: TestApp;

  constructor(
    readonly model: ModelServer,
    private readonly env: Env,
  ) {}

  abstract begin(): Promise<void>;
  abstract end(): Promise<void>;
  abstract user(name: string): string;

  get app() {
    return this.running.app;
  }

  get config() {
    return this.running.config;
  }

  get url() {
    return this.running.url;
  }

  get request() {
    return this.running.request;
  }

  as(name: string) {
    return this.running.as(this.user(name));
  }

  client(name: string): ApiClient {
    return ApiClient.of(() => this.url, this.user(name));
  }

  protected async variables(): Promise<Variables> {
    const env = typeof this.env === 'function' ? await this.env(this.model) : this.env;
    return { ...this.model.env, LLM_MAX_RETRIES: '0', ...env };
  }
}

/** A shared application as one file sees it. */
class SharedApp extends UsedApp {
  private readonly suffix = randomBytes(4).toString('hex');

  constructor(env: Env) {
    super(sharedModel, env);
  }

  user(name: string): string {
    return `${name}-${this.suffix}`;
  }

  async begin(): Promise<void> {
    if (!sharedModel.listening) await sharedModel.listen();
    sharedModel.reset();
    this.running = await applicationWith(await this.variables());
    inUse.add(this.running);
  }

  async end(): Promise<void> {
    inUse.delete(this.running);
    sharedModel.reset();
    await letRest(this.running);
  }
}

/** An application that lives as long as its file, under whose tests no user has another name. */
export class OwnApp extends UsedApp {
  /** For a test that starts one more application on it. */
  database!: TestDatabase;
  private stopped = true;

  constructor(
    env: Env,
    private readonly options: OwnOptions,
  ) {
    super(options.beside?.model ?? new ModelServer(), env);
  }

  user(name: string): string {
    return name;
  }

  async begin(): Promise<void> {
    const { beside, database = createTestDatabase } = this.options;
    if (!beside) await this.model.listen();
    this.database = beside ? beside.database : await database();
    await this.start();
  }

  async end(): Promise<void> {
    await this.stop();
    if (this.options.beside) return;
    // There is none if it could not be made.
    await (this.database as TestDatabase | undefined)?.close();
    if (this.model.listening) await this.model.close();
  }

  /** Starts it again on the same database, on another port. */
  async start(): Promise<void> {
    const { overrides, imports } = this.options;
    const env = await this.variables();
    this.running = await createTestApp({ env, overrides, imports, database: this.database });
    this.stopped = false;
  }

  /** Stops the application and leaves its database. */
  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    await this.running.close();
  }
}

async function applicationWith(env: Variables): Promise<TestApp> {
  const key = JSON.stringify(env);
  const used = kept.get(key);
  // Makes the log of what happens outside of requests, which `setup.ts` has forgotten since.
  if (used) void new PinoLogger(used.app.get(PARAMS_PROVIDER_TOKEN, { strict: false }));
  if (used && (await isReady(used))) {
    kept.delete(key);
    kept.set(key, used);
    // What the model did in the file before counts for nobody.
    used.app.get(CircuitBreakers, { strict: false }).reset();
    return used;
  }
  if (used) await close(used);
  const idle = [...kept.values()].filter((one) => !inUse.has(one));
  if (kept.size >= KEPT && idle.length > 0) await close(idle[0]);
  const made = await createTestApp({ env });
  kept.set(key, made);
  return made;
}

/** Not if a file before, with a clock of its own or a spy that reached this application, has left it in a bad state. */
async function isReady({ url }: TestApp): Promise<boolean> {
  return fetch(`${url}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** Waits for the replies that a file has left behind; an application whose replies do not end is closed. */
async function letRest(t: TestApp | undefined): Promise<void> {
  if (!t) return;
  const rested = async () => {
    const [{ open }] = await t.app
      .get(DataSource)
      .query<{ open: number }[]>(
        `SELECT count(*)::int AS open FROM messages WHERE status IN ('queued', 'streaming')`,
      );
    return open === 0 && sharedModel.openRequests === 0;
  };
  await until(rested, REST_MS).catch(() => close(t));
}

async function close(t: TestApp): Promise<void> {
  for (const [key, one] of kept) if (one === t) kept.delete(key);
  await t.close();
}
