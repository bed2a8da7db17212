import { DataSource } from 'typeorm';
import { TransactionRunner } from '../../../src/database/transaction-runner';
import { createTestApp, type TestApp } from '../../support/create-test-app';

let t: TestApp;
let db: DataSource;

// One connection, so that every statement meets the same session.
beforeEach(async () => {
  t = await createTestApp({ env: { DB_POOL_MAX: '1' } });
  db = t.app.get(DataSource);
});
afterEach(() => t.close());

const plans = async (like: string): Promise<number> =>
  (await db.query(`SELECT count(*)::int AS n FROM pg_prepared_statements WHERE statement LIKE '${like}%'`))[0]
    .n;

it('plans a statement once, however often it is used', async () => {
  for (let n = 0; n < 3; n++)
    expect(await db.query('SELECT $1::int + 1 AS once', [n])).toEqual([{ once: n + 1 }]);
  expect(await plans('SELECT $1::int + 1')).toBe(1);
});

it('keeps a bounded number of plans', async () => {
  for (let n = 0; n < 300; n++) await db.query(`SELECT $1::int AS many_${n}`, [n]);
  expect(await plans('SELECT')).toBeLessThan(300);
});

describe('when the plans are lost', () => {
  beforeEach(async () => {
    await db.query('DROP TABLE IF EXISTS drifting');
    await db.query('CREATE TABLE drifting (a int)');
    await db.query('INSERT INTO drifting VALUES (1)');
  });

  it.each([
    ['by a migration', 'ALTER TABLE drifting ADD b int DEFAULT 2', { a: 1, b: 2 }],
    ['by a pooler', 'DEALLOCATE ALL', { a: 1 }],
  ])('%s, a statement runs all the same', async (_by, change, row) => {
    const select = () => db.query('SELECT * FROM drifting WHERE a = $1', [1]);
    await select();
    await db.query(change);
    expect(await select()).toEqual([row]);
    expect(await select()).toEqual([row]);
  });

  it('a transaction is run again', async () => {
    const runner = t.app.get(TransactionRunner);
    let statements = 0;
    const work = () =>
      runner.run((manager) => {
        statements++;
        return manager.query('SELECT a, * FROM drifting WHERE a = $1', [1]);
      });
    await work();
    await db.query('ALTER TABLE drifting ADD c int DEFAULT 3');
    expect(await work()).toMatchObject([{ a: 1, c: 3 }]);
    expect(statements).toBe(3);
  });
});
