import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { AuditRetention } from '../../../src/audit/audit-retention';
import { AuditService } from '../../../src/audit/audit.service';
import { STORAGE_BOUNDS } from '../../../src/config/bounds';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { type Statement, Statements } from '../../support/statements';

let t: TestApp;
let statements: Statements;
beforeAll(() => {
  statements = new Statements();
});
afterEach(() => t.close());
afterAll(() => statements.restore());

const rows = <T>(sql: string, parameters: unknown[] = []) =>
  t.app.get(DataSource).query<T[]>(sql, parameters);
const count = async (where = 'true') =>
  (await rows<{ n: number }>(`SELECT count(*)::int AS n FROM audit_events WHERE ${where}`))[0].n;

/** So many records of so many days ago. */
const record = (many: number, daysAgo: number, { subject = 'alice', actor = '' } = {}) =>
  rows(
    `INSERT INTO audit_events (id, created_at, action, subject, actor, address)
     SELECT gen_random_uuid(), now() - make_interval(days => $2), 'login.failed', $3, nullif($4, ''), '127.0.0.1'
     FROM generate_series(1, $1)`,
    [many, daysAgo, subject, actor],
  );

const sweep = () => t.app.get(AuditRetention, { strict: false }).sweep();

/** Small tables are read as a whole, unless that is forbidden. */
async function planOf({ text, values }: Statement): Promise<string> {
  return t.app.get(DataSource).transaction(async (manager) => {
    await manager.query('SET LOCAL enable_seqscan = off');
    const plan: Record<string, string>[] = await manager.query(`EXPLAIN ${text}`, values);
    return plan.map((row) => row['QUERY PLAN']).join('\n');
  });
}

describe('old records', () => {
  it('are deleted in slices, and no others', async () => {
    t = await createTestApp({ env: { AUDIT_RETENTION_DAYS: '30' } });
    await record(4_500, 31);
    await record(10, 29);
    const sent = await statements.during(async () => expect(await sweep()).toBe(4_500));
    expect(await count()).toBe(10);
    expect(sent.filter(({ text }) => text.includes('DELETE FROM audit_events'))).toHaveLength(3);
    expect(await sweep()).toBe(0);
  }, 60_000);

  it('are kept for a year by default, and for ever with 0', async () => {
    t = await createTestApp();
    await record(3, 364);
    await record(3, 366);
    expect(await sweep()).toBe(3);
    await t.close();
    t = await createTestApp({ env: { AUDIT_RETENTION_DAYS: '0' } });
    await record(3, 30_000);
    expect(await sweep()).toBe(0);
  });
});

describe('the records of somebody who is erased', () => {
  it('are made anonymous in slices, by indexes, whether it was done to them or by them', async () => {
    t = await createTestApp();
    const id = randomUUID();
    await record(2_500, 1, { subject: id });
    await record(2_500, 1, { actor: id });
    const audit = t.app.get(AuditService, { strict: false });
    const limit = STORAGE_BOUNDS.rowsOfSlice.limit;
    const sent = await statements.during(async () => {
      while ((await audit.forget(id, 'deleted:somebody', limit)) === limit);
    });
    expect(await count(`subject = '${id}' OR actor = '${id}'`)).toBe(0);
    expect(await count(`subject LIKE 'deleted:%' AND address IS NULL`)).toBe(2_500);
    expect(await count(`actor LIKE 'deleted:%' AND address IS NULL`)).toBe(2_500);
    const updates = sent.filter(({ text }) => text.includes('UPDATE audit_events'));
    expect(updates.length).toBeGreaterThanOrEqual(4);
    expect(await planOf(updates[0])).toMatch(/ix_audit_events_(user|logins)/);
    expect(await planOf(updates[1])).toContain('ix_audit_events_actor');
  }, 60_000);
});

it('where somebody logs in from is found by an index that failed attempts do not fill', async () => {
  t = await createTestApp();
  await record(100, 1);
  const audit = t.app.get(AuditService, { strict: false });
  const [asked] = await statements.during(async () =>
    expect(await audit.loginAddressesOf('alice')).toEqual([]),
  );
  expect(await planOf(asked)).toContain('ix_audit_events_logins');
});
