import { spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signUp } from '../../../support/accounts';
import { withClient } from '../../../support/database-template';
import { type ModelServer, startModelServer } from '../../../support/model-server';
import { SpawnedService } from '../../../support/spawned-service';
import { createTestDatabase, type TestDatabase } from '../../../support/test-database';
import { freePort } from '../cluster';
import type { Place } from './innocent';

/** Where a name server would be; it takes questions and answers none. */
const SILENT_NAME_SERVER = '127.0.0.153';
/** Puts another file in the place of the resolver's, for one process only. */
const WITH_RESOLVER = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
export const PAGE = 'https://chat.example.com';
/** For how long a password vouches for its session. */
export const REAUTHENTICATION_S = 3;

/** The built service as somebody runs it: accounts of its own, all limits on, users' own providers, a heap of one gigabyte. */
export class Target {
  private service: SpawnedService | undefined;
  private place: Place | undefined;
  /** How the process ended, unless it runs. */
  death: number | string | null | undefined;

  private constructor(
    private readonly directory: string,
    private readonly database: TestDatabase,
    readonly model: ModelServer,
    private readonly names: SilentNames | undefined,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  static async open(env: NodeJS.ProcessEnv = {}): Promise<Target> {
    const directory = mkdtempSync(join(tmpdir(), 'parley-attacks-'));
    const [database, model] = [await createTestDatabase(), await startModelServer()];
    const { url, dataDir } = database.config;
    const target = new Target(directory, database, model, await SilentNames.start(directory), {
      ...(url ? { DATABASE_URL: url } : { DATA_DIR: dataDir }),
      ...model.env,
      // A name, as operators have one: it must be found however many names others look for.
      OPENAI_BASE_URL: model.url.replace('127.0.0.1', 'localhost'),
      PORT: String(await freePort()),
      // Of an attack everything else would be written down, and read by this process.
      LOG_LEVEL: 'error',
      RATE_LIMITS: 'on',
      AUTH_MODE: 'token',
      JWT_SECRET: 'a secret of thirty-two characters or more',
      ACCESS_TOKEN_TTL_S: '86400',
      REAUTHENTICATION_MAX_AGE_S: String(REAUTHENTICATION_S),
      ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
      PROVIDER_ALLOWED_HOSTS: '127.0.0.1',
      CORS_ORIGINS: PAGE,
      NODE_OPTIONS: '--max-old-space-size=1024',
      ...env,
    });
    try {
      await target.start();
      return target;
    } catch (error) {
      await target.close();
      throw error;
    }
  }

  get hasSilentNames(): boolean {
    return this.names !== undefined;
  }

  /** The service, and the innocent user. */
  get at(): Place {
    if (!this.place) throw new Error('The service has not been started.');
    return this.place;
  }

  get url(): string {
    return this.at.url;
  }

  get output(): string {
    return this.service?.output ?? '';
  }

  async start(): Promise<void> {
    const service = new SpawnedService(this.directory, this.env, { within: this.names?.within });
    this.service = service;
    this.death = undefined;
    void this.watch(service);
    const url = await service.ready();
    const identity = this.place?.identity ?? {
      authorization: `Bearer ${(await signUp(url, 'innocent')).access}`,
    };
    this.place = { url, pid: service.pid, identity };
    // The bodies of old requests are kept otherwise.
    this.model.requests.length = 0;
  }

  private async watch(service: SpawnedService): Promise<void> {
    const exit = await service.exit;
    if (this.service === service) this.death = exit;
  }

  async kill(): Promise<void> {
    await this.service?.kill();
  }

  /** The texts of all rows of all tables. The embedded database can be asked only while no service has it. */
  async dump(): Promise<string> {
    const { url } = this.database.config;
    if (url)
      return withClient(url, (client) => dumpBy(async (sql) => (await client.query(sql)).rows as never[]));
    const connection = await this.database.connect();
    try {
      return await dumpBy(async (sql) => connection.dataSource.query(sql));
    } finally {
      await connection.close();
    }
  }

  async close(): Promise<void> {
    await this.kill();
    await this.model.close();
    await this.database.close();
    this.names?.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function dumpBy(query: <Row>(sql: string) => Promise<Row[]>): Promise<string> {
  const tables = await query<{ name: string }>(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = current_schema()`,
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const rows = await query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
    texts.push(...rows.map(({ row }) => `${name} ${row}`));
  }
  return texts.join('\n');
}

/** A name server that does not answer, for the service alone. It takes a mount namespace, and so an administrator of a Linux. */
class SilentNames {
  private constructor(
    private readonly socket: Socket,
    readonly within: readonly string[],
  ) {}

  static async start(directory: string): Promise<SilentNames | undefined> {
    const file = join(directory, 'resolv.conf');
    writeFileSync(file, `nameserver ${SILENT_NAME_SERVER}\n`);
    const within = ['unshare', '--mount', 'sh', '-c', WITH_RESOLVER, file];
    const [program, ...rest] = [...within, 'true'];
    if (spawnSync(program, rest).status !== 0) return undefined;
    const socket = createSocket('udp4');
    socket.on('message', () => undefined);
    socket.bind(53, SILENT_NAME_SERVER);
    const bound = await once(socket, 'listening').catch(() => undefined);
    return bound && new SilentNames(socket, within);
  }

  close(): void {
    this.socket.close();
  }
}
