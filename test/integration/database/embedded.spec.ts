import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Pool, type PoolConfig } from 'pg';
import { EmbeddedDatabase } from '../../../src/database/embedded/embedded-database';

const LOGIN = { user: 'postgres', database: 'postgres', password: '' };

function poolOf(embedded: EmbeddedDatabase, limitMs = 10_000): Pool {
  const config: PoolConfig = { ...LOGIN, max: 1, idleTimeoutMillis: 0, stream: embedded.streams(limitMs) };
  const pool = new Pool(config);
  pool.on('error', () => undefined);
  return pool;
}

async function clientOf(embedded: EmbeddedDatabase): Promise<Client> {
  const client = new Client({ ...LOGIN, stream: embedded.streams(10_000) });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

describe('EmbeddedDatabase in memory', () => {
  let embedded: EmbeddedDatabase;
  let pool: Pool;

  beforeAll(async () => {
    embedded = new EmbeddedDatabase({ dataDir: 'memory://' });
    pool = poolOf(embedded);
    await pool.query('CREATE TABLE notes (id int PRIMARY KEY, doc jsonb)');
  }, 60_000);
  afterAll(async () => {
    await pool.end();
    await embedded.close();
  });

  it('carries values of several megabytes in both directions', async () => {
    const text = 'ü'.repeat(2_000_000);
    const { rows } = await pool.query('SELECT $1::text AS text', [text]);
    expect(rows[0].text === text).toBe(true);
  });

  it.each([10_000, 20_000, 50_000, 100_000, 1_000_000])(
    'answers JSON that is %d levels deep',
    async (depth) => {
      const deep = '['.repeat(depth) + ']'.repeat(depth);
      const outcome = await pool.query('SELECT $1::jsonb IS NOT NULL AS stored', [deep]).then(
        ({ rows }) => rows[0].stored,
        (error: { code: string }) => error.code,
      );
      expect([true, '54001']).toContain(outcome);
      await expect(pool.query('SELECT 1 AS one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
    },
  );

  it('goes on after every kind of failed statement', async () => {
    await expect(pool.query('SELEC')).rejects.toMatchObject({ code: '42601' });
    await expect(pool.query('SELECT $1::int', ['x'])).rejects.toMatchObject({ code: '22P02' });
    await expect(pool.query('SELECT $1::text', ['a\0b'])).rejects.toMatchObject({ code: '22021' });
    await expect(pool.query('COPY notes FROM STDIN')).rejects.toMatchObject({ code: '0A000' });
    await expect(pool.query({ text: ' copy notes (id)\nfrom  stdin', values: [] })).rejects.toMatchObject({
      code: '0A000',
    });
    await expect(pool.query('SELECT 1 AS one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
  });

  it('rolls back and forgets what a client left behind when it vanished', async () => {
    await pool.end();
    const first = await clientOf(embedded);
    await first.query('SET search_path = pg_catalog');
    await first.query('BEGIN');
    await first.query('INSERT INTO public.notes VALUES (99)');
    (first as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();

    const second = await clientOf(embedded);
    await expect(second.query('SELECT * FROM notes WHERE id = 99')).resolves.toMatchObject({ rows: [] });
    await expect(second.query('SHOW search_path')).resolves.toMatchObject({
      rows: [{ search_path: 'public' }],
    });
    await second.end();
    pool = poolOf(embedded);
  });

  it('lets clients take turns, and one give its turn up', async () => {
    await pool.end();
    const first = await clientOf(embedded);
    const impatient = new Client({ ...LOGIN, stream: embedded.streams(10_000), connectionTimeoutMillis: 50 });
    impatient.on('error', () => undefined);
    await expect(impatient.connect()).rejects.toThrow();
    const third = clientOf(embedded);
    await first.end();
    await (await third).end();
    pool = poolOf(embedded);
    await pool.query('SELECT 1');
  });
});

describe('EmbeddedDatabase in a directory', () => {
  let dataDir: string;
  let embedded: EmbeddedDatabase;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'parley-embedded-'));
    embedded = new EmbeddedDatabase({ dataDir, template: async () => process.env.TEST_DATABASE_CLUSTER });
  });
  afterEach(async () => {
    await embedded.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('ends a statement that takes too long, and starts again with what was committed', async () => {
    const pool = poolOf(embedded, 1000);
    await pool.query('CREATE TABLE notes (id int)');
    await pool.query('INSERT INTO notes VALUES (1)');
    await expect(pool.query('SELECT count(*) FROM generate_series(1, 100000000000)')).rejects.toMatchObject({
      code: '57014',
    });
    await expect(pool.query('SELECT id FROM notes')).resolves.toMatchObject({ rows: [{ id: 1 }] });
    await pool.end();
  });

  it('refuses a second start on the same directory, and allows it after the first has ended', async () => {
    await embedded.start();
    const second = new EmbeddedDatabase({ dataDir });
    await expect(second.start()).rejects.toThrow(/DATA_DIR is in use by process \d+/);
    await second.close();
    await embedded.close();
    const third = new EmbeddedDatabase({ dataDir });
    await third.start();
    await third.close();
  });

  it('takes over the lock of a process that is gone', async () => {
    const gone = spawn(process.execPath, ['-e', '']);
    await once(gone, 'exit');
    await writeFile(join(dataDir, 'parley.lock'), JSON.stringify({ host: hostname(), pid: gone.pid }));
    await embedded.start();
    expect(JSON.parse(await readFile(join(dataDir, 'parley.lock'), 'utf8'))).toMatchObject({
      pid: process.pid,
    });
  });

  it('takes over the lock of an earlier process with the same id', async () => {
    await writeFile(
      join(dataDir, 'parley.lock'),
      JSON.stringify({ host: hostname(), pid: process.pid, started: 'earlier' }),
    );
    await embedded.start();
  });

  it('takes over the lock of another host once it is no longer renewed', async () => {
    const file = join(dataDir, 'parley.lock');
    await writeFile(file, JSON.stringify({ host: 'another-host', pid: 1 }));
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(file, longAgo, longAgo);
    await embedded.start();
  });
});
