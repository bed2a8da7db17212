import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withClient } from '../../support/database-template';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';
import { checkOutput, checkRows, type Query } from './check-rows';
import { Client, type Manner } from './client';
import { History } from './history';
import { SEED } from './options';
import { PlannedModel } from './planned-model';
import { Random } from './random';
import { ServiceSlot } from './service-slot';

export interface StageOptions {
  /** A database elsewhere, which may be behind something; by default one of the test's own. */
  databaseUrl?: string;
  env?: NodeJS.ProcessEnv;
}

/** Where a scenario takes place: a database, a model, services that can be killed, and the history of the clients. */
export class Stage {
  readonly history = new History(SEED);
  readonly random: Random;
  readonly slots: ServiceSlot[] = [];
  private readonly directory = mkdtempSync(join(tmpdir(), 'parley-faults-'));

  private constructor(
    scenario: string,
    readonly model: PlannedModel,
    private readonly env: NodeJS.ProcessEnv,
    private readonly database?: TestDatabase,
  ) {
    this.random = new Random(SEED).child(scenario);
  }

  static async open(scenario: string, { databaseUrl, env }: StageOptions = {}): Promise<Stage> {
    const model = await PlannedModel.start();
    const database = databaseUrl ? undefined : await createTestDatabase();
    const { url, dataDir } = database?.config ?? { url: databaseUrl, dataDir: '' };
    const where: NodeJS.ProcessEnv = url ? { DATABASE_URL: url } : { DATA_DIR: dataDir };
    const fixed = { SSE_HEARTBEAT_MS: '1000', LOG_LEVEL: 'info', ...where, ...model.server.env, ...env };
    return new Stage(scenario, model, fixed, database);
  }

  /** A place for a service; it is started by its owner. */
  slot(env: NodeJS.ProcessEnv = {}): ServiceSlot {
    const slot = new ServiceSlot(this.directory, { ...this.env, ...env }, (output) =>
      checkOutput(this.history, output),
    );
    this.slots.push(slot);
    return slot;
  }

  client(user: string, origin: () => Promise<string>, manner?: Manner): Client {
    return new Client(origin, user, this.history, manner);
  }

  /** Asks the tables. The embedded database can be asked only while no service has it. */
  async checkRows(url = this.database?.config.url): Promise<void> {
    if (url) {
      return withClient(url, (client) =>
        checkRows(this.history, async (sql) => (await client.query(sql)).rows as never[]),
      );
    }
    const connection = await this.database?.connect();
    const query: Query = async (sql) => (await connection?.dataSource.query(sql)) as never[];
    await checkRows(this.history, query);
    await connection?.close();
  }

  async close(): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.kill()));
    this.history.violations.push(...this.model.faults.map((fault) => `I7  ${fault}`));
    this.history.violations.push(
      ...this.model.server.faults.map((fault) => `the model server: ${String(fault)}`),
    );
    await this.model.close();
    await this.database?.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
