import { DataSource } from 'typeorm';
import { LoginAttemptsRepository } from '../../../src/auth/login/login-attempts.repository';
import { SessionsRepository } from '../../../src/auth/sessions/sessions.repository';
import { StreamTicketsRepository } from '../../../src/auth/tickets/stream-tickets.repository';
import { STORAGE_BOUNDS } from '../../../src/config/bounds';
import { IdempotencyRepository } from '../../../src/http/idempotency/idempotency.repository';
import { SharedRateLimitsRepository } from '../../../src/limits/shared-rate-limits.repository';
import { RevocationsRepository } from '../../../src/users/revocations/revocations.repository';
import { signUp } from '../../support/accounts';
import { TransactionRunner } from '../../../src/database/transaction-runner';
import { useChatApp } from '../../support/use-chat-app';

const SLICE = STORAGE_BOUNDS.expiredSlice.limit;
const ROWS = 2 * SLICE + 100;

let userId: string;

const t = useChatApp(
  { AUTH_MODE: 'token', JWT_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e' },
  { own: 'sweeps expired rows and counts them' },
);
beforeAll(async () => {
  userId = (await signUp(t.url, 'somebody')).id;
});

const sql = <T>(text: string, values: unknown[] = []) => t.app.get(DataSource).query<T[]>(text, values);
const count = async (table: string) =>
  (await sql<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`))[0].n;
const inner = <T>(type: abstract new (...args: never[]) => T): T =>
  t.app.get(type as never, { strict: false });
const of = <T>(type: new (db: TransactionRunner) => T): T => new type(t.app.get(TransactionRunner));

it.each([
  [
    'sessions',
    `INSERT INTO sessions (id, user_id, expires_at, refresh_hash)
     SELECT gen_random_uuid(), $1, now() - interval '1 day', decode(md5(n::text), 'hex') FROM generate_series(1, $2::int) n`,
    () => inner(SessionsRepository).deleteExpired(),
  ],
  [
    'rate_limits',
    `INSERT INTO rate_limits (key, used, granted, window_ends) SELECT decode(md5($1 || n), 'hex'), 1, 1, now() - interval '1 day'
     FROM generate_series(1, $2::int) n`,
    () => of(SharedRateLimitsRepository).deleteEnded(SLICE),
  ],
  [
    'revocations',
    `INSERT INTO revocations (id, subject, created_at) SELECT gen_random_uuid(), $1, now() - interval '1 day'
     FROM generate_series(1, $2::int) n`,
    () => inner(RevocationsRepository).deleteOlderThan(60, SLICE),
  ],
  [
    'idempotency_keys',
    `INSERT INTO idempotency_keys (user_id, key, request_hash, resource_id, status, created_at)
     SELECT $1, n::text, '', gen_random_uuid(), 201, now() - interval '25 hours' FROM generate_series(1, $2::int) n`,
    () => inner(IdempotencyRepository).deleteOlderThan(24, SLICE),
  ],
] as const)('%s whose time is over go a slice at a time', async (table, insert, remove) => {
  const before = await count(table);
  await sql(insert, [userId, ROWS]);
  for (const left of [ROWS - SLICE, ROWS - 2 * SLICE, 0, 0]) {
    await remove();
    expect(await count(table)).toBe(before + left);
  }
});

it('so do tickets and login attempts', async () => {
  const sent = [];
  for (const repository of [inner(StreamTicketsRepository), inner(LoginAttemptsRepository)]) {
    const query = vi.spyOn((repository as unknown as { db: TransactionRunner }).db, 'query');
    await repository.deleteExpired();
    sent.push(query.mock.calls.at(-1));
    query.mockRestore();
  }
  for (const call of sent) {
    expect(call?.[0]).toContain('LIMIT $1 FOR UPDATE SKIP LOCKED');
    expect(call?.[1]).toEqual([SLICE]);
  }
});
