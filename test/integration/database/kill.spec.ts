import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { EmbeddedDatabase } from '../../../src/database/embedded/embedded-database';

const ROUNDS = Number(process.env.TEST_KILL_ROUNDS ?? 3);

describe('kill -9 while the embedded database is written to', () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'parley-kill-'));
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  it(
    `loses no row that was acknowledged (${ROUNDS} rounds)`,
    async () => {
      let acknowledged = 0;
      for (let round = 0; round < ROUNDS; round++) {
        acknowledged = Math.max(acknowledged, await writeAndKill());
        await expect(highest()).resolves.toBeGreaterThanOrEqual(acknowledged);
      }
      expect(acknowledged).toBeGreaterThan(ROUNDS);
    },
    60_000 + ROUNDS * 10_000,
  );

  async function writeAndKill(): Promise<number> {
    const child = fork(
      join(__dirname, 'child/run-typescript.cjs'),
      [join(__dirname, 'child/endless-writer.ts'), dataDir],
      {
        execArgv: [],
      },
    );
    let last = 0;
    child.on('message', (n: number) => {
      last = n;
    });
    await once(child, 'message');
    await sleep(100 + Math.random() * 700);
    child.kill('SIGKILL');
    await once(child, 'exit');
    return last;
  }

  /** Also sees that no number in between is missing. */
  async function highest(): Promise<number> {
    const embedded = new EmbeddedDatabase({ dataDir });
    const pool = new Pool({
      user: 'postgres',
      database: 'postgres',
      password: '',
      max: 1,
      stream: embedded.streams(10_000),
    });
    const { rows } = await pool.query('SELECT max(n)::int AS highest, count(*)::int AS count FROM numbers');
    await pool.end();
    await embedded.close();
    expect(rows[0].count).toBe(rows[0].highest);
    return rows[0].highest;
  }
});
