import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../faults/support/cluster';
import { logIn, PASSWORD } from '../accounts';
import { type ModelServer, startModelServer } from '../model-server';
import { reply } from '../model-server/behaviours';
import { SpawnedService } from '../spawned-service';
import { createTestDatabase, type TestDatabase } from '../test-database';

const ADMIN = join(__dirname, '../../../dist/src/users/admin/admin.js');
const ERROR_LEVEL = 50;

/** The service as built, in a process of its own, with a model and an administrator. */
export class FuzzedService {
  url = '';
  /** Access token of an administrator. */
  admin = '';
  private service: SpawnedService | undefined;

  private constructor(
    private readonly directory: string,
    private readonly database: TestDatabase,
    private readonly model: ModelServer,
  ) {}

  static async start(): Promise<FuzzedService> {
    const model = (await startModelServer()).otherwise(reply('Yes.'));
    const database = await createTestDatabase();
    const fuzzed = new FuzzedService(mkdtempSync(join(tmpdir(), 'parley-fuzz-')), database, model);
    try {
      await fuzzed.boot();
    } catch (error) {
      await fuzzed.close();
      throw error;
    }
    return fuzzed;
  }

  private async boot(): Promise<void> {
    const { url, dataDir } = this.database.config;
    const env = {
      ...this.model.env,
      ...(url ? { DATABASE_URL: url } : { DATA_DIR: dataDir }),
      AUTH_MODE: 'token',
      // People are furnished anew long after they have logged in.
      REAUTHENTICATION_MAX_AGE_S: '86400',
      ACCESS_TOKEN_TTL_S: String(24 * 3600),
      // Each person has an address, so that guessing is slowed for each of them alone.
      TRUSTED_PROXIES: '127.0.0.1',
      ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
      PROVIDER_ALLOWED_HOSTS: '127.0.0.1:9',
      LOG_LEVEL: 'warn',
      PORT: String(await freePort()),
    };
    execFileSync(process.execPath, [ADMIN, 'create', 'root', 'root@example.com'], {
      cwd: this.directory,
      env: { PATH: process.env.PATH, ...env, ADMIN_PASSWORD: PASSWORD },
    });
    this.service = new SpawnedService(this.directory, env);
    this.url = await this.running.ready();
    this.admin = (await logIn(this.url, 'root')).access_token;
  }

  get pid(): number {
    return this.running.pid;
  }

  /** What it has logged as an error, or written otherwise. */
  get complaints(): string[] {
    return this.running.output.split('\n').filter((line) => line !== '' && !(levelOf(line) < ERROR_LEVEL));
  }

  /** A long run would otherwise keep all that the model was asked. */
  forgetModelRequests(): void {
    this.model.requests.length = 0;
  }

  /** Exit code, or the signal that ended it. */
  async stop(): Promise<number | NodeJS.Signals | null> {
    this.running.signal('SIGTERM');
    return this.running.exit;
  }

  private get running(): SpawnedService {
    if (!this.service) throw new Error('The service has not been started.');
    return this.service;
  }

  /** Rows of this query; once the service has been stopped. */
  async rows(sql: string): Promise<unknown[]> {
    const connection = await this.database.connect();
    try {
      return await connection.dataSource.query<unknown[]>(sql);
    } finally {
      await connection.close();
    }
  }

  async close(): Promise<void> {
    await this.service?.kill();
    await this.model.close();
    await this.database.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** NaN if it is no line of the log. */
function levelOf(line: string): number {
  try {
    return Number((JSON.parse(line) as { level?: unknown }).level);
  } catch {
    return Number.NaN;
  }
}
