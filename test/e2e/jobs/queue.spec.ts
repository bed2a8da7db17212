import { DataSource } from 'typeorm';
import { setTimeout as sleep } from 'node:timers/promises';
import { TransactionRunner } from '../../../src/database/transaction-runner';
import { JobQueue, type JobRun, type JobType } from '../../../src/jobs/job-queue';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';
import { until } from '../../support/until';
import { JobTypes } from './job-types';

const type = (name: string, more: Partial<JobType> = {}): JobType => ({
  name,
  concurrency: 2,
  attempts: 1,
  retryDelayS: 1,
  timeoutMs: 60_000,
  ...more,
});

/** Jobs of a type, as they were run: by which process, and with what. */
class Runs {
  readonly data: unknown[] = [];
  private handler: (run: JobRun) => Promise<void> = async () => undefined;

  readonly run = async (run: JobRun): Promise<void> => {
    this.data.push(run.data);
    await this.handler(run);
  };

  as(handler: (run: JobRun) => Promise<void>): void {
    this.data.length = 0;
    this.handler = handler;
  }
}

let database: TestDatabase;
let t: TestApp;
let queue: JobQueue;
const plain = new Runs();
const failing = new Runs();
const hanging = new Runs();
const slow = new Runs();
const dead: unknown[] = [];

const types = JobTypes.with((each) => {
  each.work(type('test.plain'), plain.run);
  each.work(type('test.failing', { attempts: 2 }), failing.run, async (data) => void dead.push(data));
  each.work(type('test.hanging', { timeoutMs: 5_000 }), hanging.run);
  each.work(type('test.slow'), slow.run);
});

beforeAll(async () => {
  database = await createTestDatabase();
  t = await createTestApp({ database, imports: [types] });
  queue = t.app.get(JobQueue, { strict: false });
  // Starts it.
  await queue.enqueue('test.plain', { n: 0 });
  await until(async () => plain.data.length === 1);
});
afterAll(async () => {
  await t.close();
  await database.close();
});

describe('the job queue', () => {
  it('runs what is enqueued, at once', async () => {
    const times: number[] = [];
    plain.as(async () => undefined);
    for (let n = 1; n <= 10; n++) {
      const began = performance.now();
      await queue.enqueue('test.plain', { n });
      await until(async () => plain.data.length === n);
      times.push(performance.now() - began);
    }
    expect(plain.data).toEqual(Array.from({ length: 10 }, (_, index) => ({ n: index + 1 })));
    // Without a nudge it would be seconds.
    expect(Math.min(...times)).toBeLessThan(500);
  });

  it('has a job if and only if the transaction of the caller is committed', async () => {
    plain.as(async () => undefined);
    const db = t.app.get(TransactionRunner);
    await expect(
      db.run(async () => {
        await queue.enqueue('test.plain', { kept: false });
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await db.run(() => queue.enqueue('test.plain', { kept: true }));
    await until(async () => plain.data.length > 0);
    await sleep(200);
    expect(plain.data).toEqual([{ kept: true }]);
  });

  it('runs many, no more at once than there are places', async () => {
    let now = 0;
    let most = 0;
    plain.as(async () => {
      most = Math.max(most, ++now);
      await sleep(5);
      now--;
    });
    await Promise.all(Array.from({ length: 40 }, (_, n) => queue.enqueue('test.plain', { n })));
    await until(async () => plain.data.length === 40);
    expect(new Set(plain.data.map((data) => (data as { n: number }).n)).size).toBe(40);
    expect(most).toBe(2);
  });

  it('tries a job that fails again, then gives it up and says so', async () => {
    failing.as(() => Promise.reject(new Error('broken')));
    await queue.enqueue('test.failing', { n: 7 });
    await until(async () => dead.length > 0, 90_000);
    expect(failing.data).toEqual([{ n: 7 }, { n: 7 }]);
    expect(dead).toEqual([{ n: 7 }]);
  }, 120_000);

  it('tries again within a minute what a process was doing that has died', async () => {
    failing.as(async () => undefined);
    await queue.enqueue('test.failing', { n: 8 }, { afterS: 3_600 });
    // As another process leaves it that was killed.
    await t.app.get(DataSource).query(
      `UPDATE jobs.job_common SET state = 'active', started_on = now(), start_after = now(), heartbeat_on = now() - interval '21 seconds'
       WHERE name = 'test.failing' AND state = 'created'`,
    );
    await until(async () => failing.data.length > 0, 45_000);
    expect(failing.data).toEqual([{ n: 8 }]);
  });

  it('keeps no other kind waiting while one hangs, and tells the one that hangs', async () => {
    plain.as(async () => undefined);
    let told = 0;
    hanging.as(
      ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => (told++, resolve()))),
    );
    await queue.enqueue('test.hanging', {});
    await queue.enqueue('test.hanging', {});
    await until(async () => hanging.data.length === 2);
    await queue.enqueue('test.plain', { n: 1 });
    await until(async () => plain.data.length === 1);
    await until(async () => told === 2);
  });

  it('has one job for a key while it waits or runs', async () => {
    const end = Promise.withResolvers<void>();
    slow.as(() => end.promise);
    for (let n = 0; n < 3; n++) await queue.enqueue('test.slow', { n }, { key: 'one' });
    await queue.enqueue('test.slow', { n: 'other' }, { key: 'other' });
    await until(async () => slow.data.length === 2);
    await queue.enqueue('test.slow', { n: 'again' }, { key: 'one' });
    await sleep(200);
    expect(slow.data).toEqual([{ n: 0 }, { n: 'other' }]);
    end.resolve();
    await until(async () => {
      const [{ n }] = await count(`name = 'test.slow' AND state < 'completed'`);
      return n === 0;
    });
    await queue.enqueue('test.slow', { n: 'later' }, { key: 'one' });
    await until(async () => slow.data.length === 3);
  });

  it('does not begin what was cancelled', async () => {
    const end = Promise.withResolvers<void>();
    slow.as(() => end.promise);
    await queue.enqueue('test.slow', { n: 1 });
    await queue.enqueue('test.slow', { n: 2 });
    await until(async () => slow.data.length === 2);
    await queue.enqueue('test.slow', { n: 3 }, { key: 'unwanted' });
    await queue.cancel('test.slow', 'unwanted');
    end.resolve();
    await sleep(300);
    expect(slow.data).toHaveLength(2);
  });

  it('has schedules in their time zones, once, and takes them back', async () => {
    const schedule = { key: 'daily', cron: '30 2 * * *', timeZone: 'Asia/Shanghai', data: { n: 1 } };
    await queue.schedule('test.plain', schedule);
    await queue.schedule('test.plain', schedule);
    const rows = () =>
      t.app
        .get(DataSource)
        .query<object[]>(
          `SELECT cron, timezone FROM jobs.schedule WHERE name = 'test.plain' AND key = 'daily'`,
        );
    expect(await rows()).toEqual([{ cron: '30 2 * * *', timezone: 'Asia/Shanghai' }]);
    await queue.schedule('test.plain', { ...schedule, cron: null });
    expect(await rows()).toEqual([]);
    await expect(queue.schedule('test.plain', { key: 'bad', cron: 'whenever' })).rejects.toThrow();
    await expect(
      queue.schedule('test.plain', { key: 'bad', cron: '* * * * *', timeZone: 'Nowhere/At_All' }),
    ).rejects.toThrow();
  });

  it('runs what is scheduled when its minute comes, until the schedule is taken back', async () => {
    plain.as(async () => undefined);
    const schedule = {
      key: 'minutely',
      cron: '* * * * *',
      timeZone: 'Asia/Shanghai',
      data: { every: 'minute' },
    };
    await queue.schedule('test.plain', schedule);
    await until(async () => plain.data.length > 0, 150_000);
    expect(plain.data[0]).toMatchObject({ every: 'minute' });
    await queue.schedule('test.plain', { ...schedule, cron: null });
  }, 180_000);

  it('has set the schedules of what is deleted when its time is over', async () => {
    const rows = await t.app
      .get(DataSource)
      .query<{ name: string }[]>(`SELECT name FROM jobs.schedule WHERE key = 'regular' ORDER BY name`);
    expect(rows.map(({ name }) => name)).toEqual([
      'jobs.unclaimed',
      'retention.audit',
      'retention.idempotency_keys',
      'retention.jobs',
      'retention.rate_limits',
      'retention.shares',
      'search.backfill',
      'search.refresh',
    ]);
  });

  it('keeps what it has done for an hour', async () => {
    const [{ kept }] = await t.app
      .get(DataSource)
      .query<{ kept: number }[]>(`SELECT deletion_seconds AS kept FROM jobs.queue WHERE name = 'test.plain'`);
    expect(kept).toBe(3600);
  });
});

describe('the end of a process', () => {
  it('waits for what runs, and hands back what takes longer, for the next one', async () => {
    const own = await createTestDatabase();
    const runs = new Runs();
    const module = JobTypes.with((each) => each.work(type('test.end', { attempts: 3 }), runs.run));
    const start = (grace: string) =>
      createTestApp({ database: own, imports: [module], env: { SHUTDOWN_GRACE_S: grace } });
    try {
      const first = await start('10');
      let ended = false;
      runs.as(async () => {
        await sleep(700);
        ended = true;
      });
      await first.app.get(JobQueue, { strict: false }).enqueue('test.end', { n: 1 });
      await until(async () => runs.data.length === 1);
      await first.close();
      expect(ended).toBe(true);

      const second = await start('0');
      let told = false;
      runs.as(
        ({ signal }) =>
          new Promise((_resolve, reject) =>
            signal.addEventListener('abort', () => {
              told = true;
              reject(new Error('told to end'));
            }),
          ),
      );
      await second.app.get(JobQueue, { strict: false }).enqueue('test.end', { n: 2 });
      await until(async () => runs.data.length === 1);
      await second.close();
      expect(told).toBe(true);

      runs.as(async () => undefined);
      const third = await start('0');
      await until(async () => runs.data.length === 1, 40_000);
      expect(runs.data).toEqual([{ n: 2 }]);
      await third.close();
    } finally {
      await own.close();
    }
  }, 120_000);
});

/** Only a server can be shared; the embedded database is one process's own. */
const several = process.env.TEST_DATABASE_URL ? describe : undefined;

several?.('two processes', () => {
  it('run each job once, whoever enqueues it, and each has its share', async () => {
    const own = await createTestDatabase();
    const runs = [new Runs(), new Runs()];
    const [here, there] = await Promise.all(
      runs.map((each) =>
        createTestApp({
          database: own,
          imports: [JobTypes.with((queued) => queued.work(type('test.shared'), each.run))],
        }),
      ),
    );
    try {
      for (const each of runs) each.as(() => sleep(20));
      const queues = [here, there].map(({ app }) => app.get(JobQueue, { strict: false }));
      await Promise.all(Array.from({ length: 60 }, (_, n) => queues[n % 2].enqueue('test.shared', { n })));
      const all = () => runs.flatMap(({ data }) => data as { n: number }[]);
      await until(async () => all().length >= 60, 60_000);
      await sleep(500);
      expect(
        all()
          .map(({ n }) => n)
          .sort((a, b) => a - b),
      ).toEqual(Array.from({ length: 60 }, (_, n) => n));
      for (const { data } of runs) expect(data.length).toBeGreaterThan(0);
    } finally {
      await Promise.all([here.close(), there.close()]);
      await own.close();
    }
  }, 120_000);
});

function count(where: string): Promise<{ n: number }[]> {
  return t.app.get(DataSource).query(`SELECT count(*)::int AS n FROM jobs.job WHERE ${where}`);
}
