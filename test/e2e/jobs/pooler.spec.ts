import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { TransactionRunner } from '../../../src/database/transaction-runner';
import { JobQueue } from '../../../src/jobs/job-queue';
import { ApiClient } from '../../support/api-client';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { hasPooler, type Pooler, startPooler } from '../../support/pooler';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';
import { until } from '../../support/until';
import { JobTypes } from './job-types';

const SERVER_URL = process.env.TEST_DATABASE_URL;
const TYPE = { name: 'test.pooled', concurrency: 4, attempts: 2, retryDelayS: 1, timeoutMs: 60_000 };

/** A session is somebody else's after each transaction: no lock, setting or statement of it can be counted on. */
(SERVER_URL && hasPooler ? describe : describe.skip)(
  'behind a transaction pooler (PgBouncer, on a server)',
  () => {
    const runs: unknown[][] = [[], []];
    let failures = 0;
    let pooler: Pooler;
    let database: TestDatabase;
    let apps: TestApp[];
    const queueOf = ({ app }: TestApp) => app.get(JobQueue, { strict: false });

    beforeAll(async () => {
      database = await createTestDatabase();
      pooler = await startPooler(SERVER_URL!);
      const name = new URL(database.config.url!).pathname.slice(1);
      const config = { ...database.config, url: pooler.url(name) };
      apps = await Promise.all(
        runs.map((seen) =>
          createTestApp({
            database: { ...database, config },
            imports: [
              JobTypes.with((queue) =>
                queue.work(TYPE, async ({ data }) => {
                  if ((data as { fails?: true }).fails && failures++ === 0) throw new Error('Once.');
                  seen.push(data);
                  await sleep(10);
                }),
              ),
            ],
          }),
        ),
      );
    });
    afterAll(async () => {
      await Promise.all(apps.map((each) => each.close()));
      pooler.close();
      await database.close();
    });
    beforeEach(() => runs.forEach((seen) => (seen.length = 0)));

    it('two processes run each job once', async () => {
      const ids = Array.from({ length: 60 }, () => randomUUID());
      await Promise.all(ids.map((id, n) => queueOf(apps[n % 2]).enqueue(TYPE.name, { id })));
      const all = () => runs.flat().map((data) => (data as { id: string }).id);
      await until(async () => all().length >= ids.length, 60_000);
      await sleep(500);
      expect(all().sort()).toEqual(ids.sort());
    });

    it('a job belongs to the transaction that enqueues it', async () => {
      const [{ app }] = apps;
      const db = app.get(TransactionRunner, { strict: false });
      const enqueue = (what: string) => queueOf(apps[0]).enqueue(TYPE.name, { what });
      await db.run(async () => {
        await enqueue('kept');
        await sleep(200);
        expect(runs.flat()).toEqual([]);
      });
      const lost = db.run(async () => {
        await enqueue('lost');
        throw new Error('Rolled back.');
      });
      await expect(lost).rejects.toThrow('Rolled back.');
      await until(async () => runs.flat().length > 0);
      await sleep(500);
      expect(runs.flat()).toEqual([{ what: 'kept' }]);
    });

    it('one that fails is tried again', async () => {
      await queueOf(apps[1]).enqueue(TYPE.name, { fails: true });
      await until(async () => runs.flat().length === 1, 60_000);
      expect(failures).toBe(2);
    });

    it('turns are streamed, and their conversations have events', async () => {
      const alice = ApiClient.of(apps[0].url, 'alice');
      const { id } = await alice.conversation();
      const { message } = await ApiClient.of(apps[1].url, 'alice').say(id, 'Hello');
      expect(message.status).toBe('completed');
      expect((await alice.get(`/conversations/${id}`)).status).toBe(200);
    });
  },
);
