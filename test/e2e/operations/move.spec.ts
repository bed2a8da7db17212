import { randomBytes } from 'node:crypto';
import { Client, Pool } from 'pg';
import { EmbeddedDatabase } from '../../../src/database/embedded/embedded-database';
import { urlOf, withClient } from '../../support/database-template';
import { echo } from '../../support/model-server/behaviours';
import { OperatedService, PlainUser } from '../../support/operated-service';
import { until } from '../../support/until';
import { useModelServer } from '../../support/use-model-server';

/* `npm run move-database`, into databases of the server of TEST_DATABASE_URL. */

const SERVER = process.env.TEST_DATABASE_URL ?? '';
const PASSWORD = 'geheim-canary';
/** Of the queue's schema. */
const QUEUE = new Set(['jobs.job', 'jobs.queue', 'jobs.schedule']);

type Rows = Map<string, string[]>;
type Run = (statement: string) => Promise<{ rows: { value: string }[] }>;

const model = useModelServer();
/** Each test starts several processes, which takes minutes on a machine that has other things to do. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });
let operated: OperatedService;
const databases: string[] = [];

beforeEach(() => {
  model.reset();
  model.otherwise(echo());
  operated = new OperatedService(model);
});
afterEach(async () => {
  await operated.close();
  if (!SERVER) return;
  await withClient(SERVER, async (client) => {
    for (const name of databases.splice(0))
      await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  });
});

/** An empty database, by a URL with a password, which the server of the tests does not ask for. */
async function emptyDatabase(): Promise<string> {
  const name = `parley_move_${randomBytes(6).toString('hex')}`;
  databases.push(name);
  await withClient(SERVER, (client) =>
    client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`),
  );
  const url = new URL(urlOf(SERVER, name));
  url.password ||= PASSWORD;
  return url.toString();
}

async function move(url: string, env: NodeJS.ProcessEnv = {}) {
  const result = await operated.run('move-database', ['--to', url], env);
  expect(result.out + result.err).not.toContain(new URL(url).password);
  return result;
}

/** A service that has had something to do, and has gone; the odd values that its columns allow are put in by hand. */
async function origin(turns = 6): Promise<{ alice: PlainUser; exported: string }> {
  const service = operated.start();
  const alice = new PlainUser(await service.ready());
  for (let turn = 0; turn < turns; turn++)
    await alice.turn(
      `${turn} 😀 𝔘𝔫𝔦 é \\N \\. "q" {a,b} NULL\ttab\nline ${randomBytes(50_000).toString('base64')}`,
    );
  service.signal('SIGTERM');
  await service.exit;
  await withOrigin(async (pool) => {
    await pool.query(
      `UPDATE conversations SET metadata = '{"n": 12345678901234567890.000100, "null": null, "text": "\\u2028 \\" \\\\ NULL", "list": [1, "1", {}]}', title = '\\N {NULL} 😀'`,
    );
  });
  const again = operated.start();
  const exported = await new PlainUser(await again.ready(), alice.id).export();
  again.signal('SIGTERM');
  await again.exit;
  return { alice, exported };
}

async function withOrigin<T>(work: (pool: Pool) => Promise<T>): Promise<T> {
  const embedded = new EmbeddedDatabase({ dataDir: operated.dataDir });
  const pool = new Pool({
    user: 'postgres',
    database: 'postgres',
    password: '',
    max: 1,
    stream: embedded.streams(60_000),
  });
  try {
    return await work(pool);
  } finally {
    await pool.end();
    await embedded.close();
  }
}

/** Every row, as JSON, in an order that does not depend on the database; but for the list of migrations, which has its own times. */
async function everything(run: Run): Promise<Rows> {
  const { rows } = await run(
    `SELECT format('%I.%I', n.nspname, c.relname) AS value FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname IN ('public', 'jobs') AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
  );
  const found: Rows = new Map();
  for (const { value: table } of rows) {
    if (table === 'public.migrations' || (table.startsWith('jobs.') && !QUEUE.has(table))) continue;
    const contents = await run(`SELECT to_jsonb(t)::text AS value FROM ${table} t`);
    found.set(table, contents.rows.map(({ value }) => value).sort());
  }
  return found;
}

const ofOrigin = () => withOrigin((pool) => everything((statement) => pool.query(statement)));
const ofTarget = (url: string) =>
  withClient(url, (client) => everything((statement) => client.query(statement)));

describe.runIf(SERVER)('a move to PostgreSQL', () => {
  it('copies every row, so that a service goes on there, and knows that it has been made', async () => {
    const { alice, exported } = await origin();
    const url = await emptyDatabase();
    const moved = await move(url);
    expect(moved).toMatchObject({ code: 0, err: '' });
    expect(moved.out).toMatch(/^messages: 12 rows$/m);
    expect(moved.out).toMatch(/\d+ rows in \d+ tables: moved in [\d.]+ s\. Set DATABASE_URL to postgres/);
    const [ours, theirs] = [await ofOrigin(), await ofTarget(url)];
    expect([...theirs.keys()]).toEqual([...ours.keys()]);
    expect(ours.get('public.messages')).toHaveLength(12);
    for (const [table, rows] of ours) expect({ table, rows: theirs.get(table) }).toEqual({ table, rows });
    expect((await move(url)).out).toMatch(/has been moved already, and is the same on both sides/);

    const service = operated.start(operated.dataDir, { DATABASE_URL: url });
    const there = new PlainUser(await service.ready(), alice.id);
    await expect(there.export()).resolves.toBe(exported);
    await there.turn('And here?');
    service.signal('SIGTERM');
    await service.exit;
    // Now it has what the embedded one has not.
    expect(await move(url)).toMatchObject({ code: 1, err: expect.stringMatching(/has data of its own/) });
  });

  it('that is killed in the middle has not happened, and is made again', async () => {
    await origin(12);
    const url = await emptyDatabase();
    const command = operated.command('move-database', ['--to', url]);
    await withClient(SERVER, (client) => until(() => inserting(client, url), 60_000));
    await command.kill();
    const tables = await until(async () => {
      const rows = await withClient(url, (client) =>
        client.query(`SELECT FROM pg_tables WHERE schemaname IN ('public', 'jobs')`),
      );
      return rows.rowCount === 0 && 'none';
    });
    expect(tables).toBe('none');
    expect(await move(url)).toMatchObject({ code: 0, err: '' });
    expect([...(await ofTarget(url))]).toEqual([...(await ofOrigin())]);
  });

  it('leaves databases of others alone', async () => {
    await origin(1);
    const url = await emptyDatabase();
    await withClient(url, (client) =>
      client.query('CREATE TABLE theirs (n int); INSERT INTO theirs VALUES (1)'),
    );
    expect(await move(url)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/not of this service \(public\.theirs\)/),
    });
    expect([...(await ofTarget(url))]).toEqual([['public.theirs', ['{"n": 1}']]]);
  });

  it('goes into a database on which a service has been started once, and not beside one that runs', async () => {
    const { alice, exported } = await origin(1);
    const url = await emptyDatabase();
    const other = operated.start(operated.path('elsewhere'), { DATABASE_URL: url });
    await other.ready();
    expect((await move(url)).err).toMatch(/A service uses the target database/);
    other.signal('SIGTERM');
    await other.exit;
    const own = operated.start();
    await own.ready();
    expect((await move(url)).err).toMatch(/in use by process/);
    own.signal('SIGTERM');
    await own.exit;
    expect(await move(url)).toMatchObject({ code: 0, err: '' });
    const service = operated.start(operated.dataDir, { DATABASE_URL: url });
    await expect(new PlainUser(await service.ready(), alice.id).export()).resolves.toBe(exported);
  });
});

describe('a move', () => {
  it('needs a database to move, and a server to move to', async () => {
    const usage = await operated.run('move-database', []);
    expect(usage).toMatchObject({ code: 1, err: expect.stringMatching(/^npm run move-database -- --to/) });
    const nothing = await move(`postgres://parley:${PASSWORD}@127.0.0.1:9/parley`);
    expect(nothing).toMatchObject({ code: 1, err: expect.stringMatching(/nothing to move/) });
    const service = operated.start();
    await service.ready();
    service.signal('SIGTERM');
    await service.exit;
    const nobody = await move(`postgres://parley:${PASSWORD}@127.0.0.1:9/parley`);
    expect(nobody).toMatchObject({ code: 1, err: expect.stringMatching(/^connect ECONNREFUSED/) });
    const odd = await move(`postgres://parley:${PASSWORD}@127.0.0.1:9/parley?sslmode=prefer`);
    expect(odd).toMatchObject({ code: 1, err: expect.stringMatching(/^--to: sslmode must be one of/) });
  });
});

/** The move has begun to copy. */
async function inserting(client: Client, url: string): Promise<boolean> {
  const { rows } = await client.query<{ query: string }>(
    `SELECT query FROM pg_stat_activity WHERE datname = $1 AND query LIKE 'INSERT INTO public.messages%'`,
    [new URL(url).pathname.slice(1)],
  );
  return rows.length > 0;
}
