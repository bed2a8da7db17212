import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { JOB_BOUNDS } from '../../../src/config/bounds';
import { JobQueue } from '../../../src/jobs/job-queue';
import { JobsModule } from '../../../src/jobs/jobs.module';
import { JobFailure, UserJobs, type UserJobRun } from '../../../src/jobs/user-jobs.service';
import { AccountSender } from '../../support/account-sender';
import { bearer, signUp } from '../../support/accounts';
import { ApiClient, type Page } from '../../support/api-client';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { until } from '../../support/until';
import { UserFeedClient } from '../../support/user-feed-client';

interface Job {
  id: string;
  user_id: string;
  type: string;
  state: string;
  input: Record<string, string>;
  progress: { done: number; total: number | null } | null;
  error: { code: string; message: string } | null;
  attempts: number;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
}

let handler: (run: UserJobRun) => Promise<void> = async () => undefined;

@Injectable()
class Work implements OnModuleInit {
  constructor(private readonly jobs: UserJobs) {}

  onModuleInit(): void {
    const type = { concurrency: 4, retryDelayS: 1, timeoutMs: 20_000 };
    this.jobs.define({ ...type, name: 'test.once', attempts: 1 }, (run) => handler(run));
    this.jobs.define({ ...type, name: 'test.twice', attempts: 2 }, (run) => handler(run));
  }
}

@Module({ imports: [JobsModule], providers: [Work] })
class WorkModule {}

let t: TestApp;
let jobs: UserJobs;
let alice: ApiClient;
let bob: ApiClient;

beforeAll(async () => {
  t = await createTestApp({ imports: [WorkModule] });
  jobs = t.app.get(UserJobs, { strict: false });
  alice = ApiClient.of(t.url, 'alice');
  bob = ApiClient.of(t.url, 'bob');
  for (const { get } of [alice, bob].map((who) => ({ get: who.get.bind(who) }))) await get('/conversations');
});
beforeEach(() => (handler = async () => undefined));
afterAll(() => t.close());

const rows = <T>(text: string, values: unknown[] = []) => t.app.get(DataSource).query<T[]>(text, values);
const read = async (id: string, who = alice) => (await who.get<Job>(`/jobs/${id}`)).body;
const inState = (id: string, state: string) =>
  until(async () => {
    const job = await read(id);
    return job.state === state ? job : undefined;
  }, 60_000);

describe('a job', () => {
  it('is seen from its beginning to its end', async () => {
    const steps = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    handler = async ({ progress }) => {
      await progress({ done: 1, total: 3 });
      steps[0].resolve();
      await steps[1].promise;
    };
    const id = await jobs.add('alice', 'test.once', { thing: 'one' });
    await steps[0].promise;
    const running = await read(id);
    expect(running).toMatchObject({
      id,
      user_id: 'alice',
      type: 'test.once',
      state: 'running',
      input: { thing: 'one' },
      progress: { done: 1, total: 3 },
      error: null,
      attempts: 1,
      finished_at: null,
    });
    steps[1].resolve();
    const done = await inState(id, 'completed');
    expect(Date.parse(done.finished_at ?? '')).toBeGreaterThanOrEqual(Date.parse(done.started_at ?? ''));
  });

  it('that fails says why in its own words only if it means to, and can be tried again', async () => {
    handler = () => Promise.reject(new Error('select secret from somewhere'));
    const id = await jobs.add('alice', 'test.twice', {});
    const failed = await inState(id, 'failed');
    expect(failed).toMatchObject({
      attempts: 2,
      error: { code: 'internal_error', message: 'The job failed.' },
    });
    handler = () => Promise.reject(new JobFailure('no_text', 'There is no text in it.'));
    expect((await alice.post<Job>(`/jobs/${id}/retry`)).body).toMatchObject({ state: 'queued', error: null });
    expect(await inState(id, 'failed')).toMatchObject({
      error: { code: 'no_text', message: 'There is no text in it.' },
    });
    handler = async () => undefined;
    await alice.post(`/jobs/${id}/retry`);
    await inState(id, 'completed');
    const again = await alice.post(`/jobs/${id}/retry`);
    expect([again.status, again.body.code]).toEqual([409, 'job_not_ended']);
    const late = await alice.post(`/jobs/${id}/cancel`);
    expect([late.status, late.body.code]).toEqual([409, 'job_finished']);
  }, 120_000);

  it('that is tried again before the queue has buried it goes on', async () => {
    handler = () => Promise.reject(new Error('no'));
    const id = await jobs.add('alice', 'test.once', {});
    await inState(id, 'failed');
    const end = Promise.withResolvers<void>();
    handler = () => end.promise;
    expect((await alice.post<Job>(`/jobs/${id}/retry`)).body).toMatchObject({ state: 'queued' });
    await until(async () => {
      const buried = await rows(
        `SELECT 1 FROM jobs.job_common WHERE name = 'dead' AND state = 'completed' AND data->'data'->>'id' = $1`,
        [id],
      );
      return buried.length ? buried : undefined;
    }, 60_000);
    expect(await read(id)).toMatchObject({ state: 'running', error: null });
    end.resolve();
    await inState(id, 'completed');
  }, 120_000);

  it('is tried again although the queue has not heard of its end', async () => {
    handler = () => Promise.reject(new Error('no'));
    const id = await jobs.add('alice', 'test.once', {});
    await inState(id, 'failed');
    const ended = () =>
      rows(`SELECT 1 FROM jobs.job_common WHERE singleton_key = $1 AND state = 'failed'`, [id]);
    await until(async () => (await ended()).length > 0);
    await rows(`UPDATE jobs.job_common SET state = 'active', completed_on = NULL WHERE singleton_key = $1`, [
      id,
    ]);
    handler = async () => undefined;
    await alice.post(`/jobs/${id}/retry`);
    await inState(id, 'completed');
  }, 120_000);

  it('that runs is cancelled: it is told, and what it does then counts no more', async () => {
    const begun = Promise.withResolvers<void>();
    let late: unknown;
    handler = async ({ signal, progress }) => {
      begun.resolve();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      late = await progress({ done: 1, total: 1 }).catch((error: unknown) => error);
    };
    const id = await jobs.add('alice', 'test.once', {});
    await begun.promise;
    expect((await alice.post<Job>(`/jobs/${id}/cancel`)).body).toMatchObject({ state: 'cancelled' });
    await until(async () => late !== undefined);
    expect(late).toBeInstanceOf(Error);
    expect(await read(id)).toMatchObject({ state: 'cancelled', progress: null });
    expect((await alice.post<Job>(`/jobs/${id}/cancel`)).status).toBe(200);
    handler = async () => undefined;
    await alice.post(`/jobs/${id}/retry`);
    await inState(id, 'completed');
  });

  it("is told on the feeds of its user, and on nobody else's", async () => {
    const feed = await UserFeedClient.open(t.url, { user: 'alice' });
    const others = await UserFeedClient.open(t.url, { user: 'bob' });
    handler = async ({ progress }) => {
      await progress({ done: 1, total: 3 });
      throw new JobFailure('no_text', 'There is no text in it.');
    };
    const id = await jobs.add('alice', 'test.once', { thing: 'one' });
    await feed.count('job.updated', 3);
    handler = () => new Promise((resolve) => setTimeout(resolve, 60_000).unref());
    await alice.post(`/jobs/${id}/retry`);
    await feed.count('job.updated', 5);
    await alice.post(`/jobs/${id}/cancel`);
    await feed.count('job.updated', 6);
    const error = { code: 'no_text', message: 'There is no text in it.' };
    const job = { job_id: id, type: 'test.once', input: { thing: 'one' }, progress: null, error: null };
    expect(feed.events.map(({ type, data }) => ({ type, data }))).toEqual([
      { type: 'job.created', data: { ...job, state: 'queued' } },
      { type: 'job.updated', data: { ...job, state: 'running' } },
      { type: 'job.updated', data: { ...job, state: 'running', progress: { done: 1, total: 3 } } },
      { type: 'job.updated', data: { ...job, state: 'failed', progress: { done: 1, total: 3 }, error } },
      { type: 'job.updated', data: { ...job, state: 'queued' } },
      { type: 'job.updated', data: { ...job, state: 'running' } },
      { type: 'job.updated', data: { ...job, state: 'cancelled' } },
    ]);
    await bob.conversation({ title: 'the mark' });
    await others.count('conversation.created', 1);
    expect(others.types).toEqual(['conversation.created']);
    feed.close();
    others.close();
  });

  it('that was stored and not enqueued is found', async () => {
    const id = randomUUID();
    await rows(
      `INSERT INTO user_jobs (id, user_id, type, state, input, created_at, updated_at)
       VALUES ($1, 'alice', 'test.once', 'queued', '{}', now(), now() - interval '5 minutes')`,
      [id],
    );
    expect(await jobs.nudgeUnclaimed(10)).toBe(1);
    await inState(id, 'completed');
  });
});

describe('jobs', () => {
  it('are listed newest first, by state and type, in pages', async () => {
    const carol = ApiClient.of(t.url, 'carol');
    await carol.get('/conversations');
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) ids.unshift(await jobs.add('carol', 'test.once', { n: String(n) }));
    await until(async () => (await read(ids[0], carol)).state === 'completed');
    const first = (await carol.get<Page<Job>>('/jobs?limit=2')).body;
    expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const rest = (await carol.get<Page<Job>>(`/jobs?limit=2&cursor=${first.next_cursor}`)).body;
    expect(rest.data.map(({ id }) => id)).toEqual(ids.slice(2));
    expect((await carol.get<Page<Job>>('/jobs?state=failed')).body.data).toEqual([]);
    expect((await carol.get<Page<Job>>('/jobs?type=test.twice')).body.data).toEqual([]);
    const mine = (await carol.get<Page<Job>>('/jobs?state=completed&type=test.once')).body.data;
    expect(mine.map(({ user_id }) => user_id)).toEqual(['carol', 'carol', 'carol']);
  });

  it.each([
    'state=done',
    'state=',
    'state=queued&state=failed',
    'type=',
    `type=${'x'.repeat(65)}`,
    'who=bob',
  ])('are not listed by %s', async (query) => {
    expect((await alice.get(`/jobs?${query}`)).status).toBe(400);
  });

  it('of others are not there', async () => {
    const id = await jobs.add('alice', 'test.once', {});
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/retry'],
      ['POST', '/cancel'],
    ]) {
      const theirs = await bob.call(method, `/jobs/${id}${path}`);
      const unknown = await bob.call(method, `/jobs/${randomUUID()}${path}`);
      const odd = await bob.call(method, `/jobs/x${path}`);
      expect([theirs, unknown, odd].map(({ status, body }) => [status, body.code])).toEqual(
        Array.from({ length: 3 }, () => [404, 'job_not_found']),
      );
    }
    expect((await bob.get<Page<Job>>('/jobs')).body.data).toEqual([]);
  });

  it('of one user have a bound', async () => {
    await rows(
      `INSERT INTO user_jobs (id, user_id, type, state, input, created_at, updated_at)
       SELECT gen_random_uuid(), 'bob', 'test.once', 'queued', '{}', now(), now() FROM generate_series(1, $1::int)`,
      [JOB_BOUNDS.openJobs.limit],
    );
    await expect(jobs.add('bob', 'test.once', {})).rejects.toMatchObject({ code: 'too_many_jobs' });
    await jobs.add('alice', 'test.once', {});
    await rows(`DELETE FROM user_jobs WHERE user_id = 'bob'`);
  });

  it('that are over are kept for a week', async () => {
    await rows(
      `INSERT INTO user_jobs (id, user_id, type, state, input, created_at, updated_at, finished_at)
       SELECT gen_random_uuid(), 'bob', 'test.once', 'completed', '{}', now(), now(), now() - make_interval(days => d)
       FROM unnest(ARRAY[6, 8, 9]) d`,
    );
    expect(await jobs.deleteFinished()).toBe(2);
    expect((await bob.get<Page<Job>>('/jobs')).body.data).toHaveLength(1);
  });

  it('go with their user, from the queue as well', async () => {
    const dora = ApiClient.of(t.url, 'dora');
    await dora.get('/conversations');
    const id = await jobs.add('dora', 'test.once', {});
    await until(async () => (await read(id, dora)).state === 'completed');
    const lines = (await dora.get('/users/dora/export')).text;
    expect(lines).toContain(`"type":"job","data":{"id":"${id}"`);
    await t.app
      .get(JobQueue, { strict: false })
      .enqueue('test.once', { id: randomUUID(), user_id: 'dora' }, { afterS: 999 });
    expect((await dora.call('DELETE', '/users/dora')).status).toBe(204);
    expect(await rows(`SELECT 1 FROM user_jobs WHERE user_id = 'dora'`)).toEqual([]);
    expect(await rows(`SELECT 1 FROM jobs.job WHERE data::text LIKE '%"dora"%'`)).toEqual([]);
  });
});

describe('an administrator', () => {
  it('sees and changes the jobs of all', async () => {
    const own = await createTestApp({
      imports: [WorkModule],
      env: { AUTH_MODE: 'token', JWT_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e' },
    });
    try {
      const accounts = new AccountSender(own);
      const admin = bearer(own.url, accounts.tokenOf(await accounts.newAccount('admin')));
      const user = await signUp(own.url, 'somebody');
      const id = await own.app.get(UserJobs, { strict: false }).add(user.id, 'test.once', {});
      await until(async () => (await admin.get<Job>(`/jobs/${id}`)).body.state === 'completed');
      expect((await admin.get<Page<Job>>('/jobs')).body.data).toMatchObject([{ id, user_id: user.id }]);
      expect((await admin.post(`/jobs/${id}/cancel`)).body.code).toBe('job_finished');
      const key = await admin.post<{ key: string }>('/api-keys', { name: 'a program' });
      const program = bearer(own.url, key.body.key);
      expect((await program.get<Page<Job>>('/jobs')).body.data).toEqual([]);
      expect((await program.get(`/jobs/${id}`)).status).toBe(404);
      const other = await signUp(own.url, 'other');
      expect((await bearer(own.url, other.access).get(`/jobs/${id}`)).status).toBe(404);
    } finally {
      await own.close();
    }
  });
});
