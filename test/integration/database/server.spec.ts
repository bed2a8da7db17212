import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConsoleLogger, Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { AppConfig } from '../../../src/config/app-config';
import { connectionOptions } from '../../../src/database/connection-options';
import { isUnavailable, sqlStateOf, toAppError } from '../../../src/database/database-error';
import { DatabaseModule } from '../../../src/database/database.module';
import { DatabaseState } from '../../../src/database/database-state';
import { MIGRATION_FILES } from '../../../src/database/migration-files';
import { migrate } from '../../../src/database/migrations';
import { TransactionRunner } from '../../../src/database/transaction-runner';
import { databaseConfig } from '../../support/database-config';
import { urlOf, withClient } from '../../support/database-template';
import { SLACK_MS } from '../../support/slack';
import { TcpProxy } from './tcp-proxy';

const serverUrl = process.env.TEST_DATABASE_URL ?? '';
const FIXTURES = [join(__dirname, 'fixtures/*.ts')];
const PROXY_PORT = 20_000 + Math.floor(Math.random() * 10_000);

// What only a real server can show.
if (serverUrl) {
  describe('with a PostgreSQL server', () => {
    let name: string;
    let url: string;

    beforeEach(async () => {
      name = `parley_test_${randomBytes(6).toString('hex')}`;
      url = urlOf(serverUrl, name);
      await withClient(serverUrl, (client) => client.query(`CREATE DATABASE ${name}`));
    });
    afterEach(() => withClient(serverUrl, (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`)));

    const terminateAll = () =>
      withClient(serverUrl, (client) =>
        client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]),
      );

    describe('migrate', () => {
      it('lets five instances start at once, of which one does the work', async () => {
        const results = await Promise.all(Array.from({ length: 5 }, () => migrateFixtures(url)));
        expect(results.map((ran) => ran.length).toSorted((a, b) => a - b)).toEqual([0, 0, 0, 0, 2]);
        await expect(
          withClient(url, (client) => client.query('SELECT name FROM migrations')),
        ).resolves.toMatchObject({
          rowCount: 2,
        });
      });

      it('leaves nothing behind when it is cut off, and the next one is not locked out', async () => {
        const cutOff = migrateFixtures(url).catch(isUnavailable);
        await sleep(250);
        await terminateAll();
        await expect(cutOff).resolves.toBe(true);
        await expect(migrateFixtures(url)).resolves.toHaveLength(2);
      });

      it('does not begin while a process of an older version runs, and names it', async () => {
        const options = connectionOptions(databaseConfig({ url }), undefined, { unlimited: true });
        const all = readdirSync(dirname(MIGRATION_FILES))
          .filter((file) => /^\d/.test(file))
          .map((file) => join(dirname(MIGRATION_FILES), file));
        const [latest] = all.toSorted().toReversed();
        await migrate(options, { files: all.filter((file) => file !== latest) });
        const id = '019a5b1c-7f00-7000-8000-0000000000ab';
        const lease = (ends: string) =>
          withClient(url, (client) =>
            client.query(
              `INSERT INTO instances (id, expires_at) VALUES ($1, now() + $2::interval)
               ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at`,
              [id, ends],
            ),
          );
        await lease('15 s');
        await expect(migrate(options)).rejects.toThrow(id);
        await lease('-1 s');
        await expect(migrate(options)).resolves.toHaveLength(1);
        // Where nothing has to be changed, older and newer processes may run side by side.
        await lease('15 s');
        await expect(migrate(options)).resolves.toEqual([]);
      });
    });

    describe('TransactionRunner', () => {
      let dataSource: DataSource;
      let db: TransactionRunner;

      beforeEach(async () => {
        const config = databaseConfig({ url, statementTimeoutMs: 3000, connectionTimeoutMs: 1000 });
        dataSource = await new DataSource(connectionOptions(config, undefined)).initialize();
        db = new TransactionRunner(dataSource);
        await dataSource.query('CREATE TABLE notes (id int PRIMARY KEY, n int NOT NULL DEFAULT 0)');
        await dataSource.query('INSERT INTO notes VALUES (1), (2)');
      });
      afterEach(() => dataSource.destroy());

      it('runs the victim of a deadlock again', async () => {
        let attempts = 0;
        const crossing = (first: number, second: number) =>
          db.run(async () => {
            attempts++;
            await db.manager.query('UPDATE notes SET n = n + 1 WHERE id = $1', [first]);
            await sleep(200);
            await db.manager.query('UPDATE notes SET n = n + 1 WHERE id = $1', [second]);
          });
        await Promise.all([crossing(1, 2), crossing(2, 1)]);
        expect(attempts).toBe(3);
        const rows: { n: number }[] = await db.manager.query('SELECT n FROM notes');
        expect(rows.map(({ n }) => n)).toEqual([2, 2]);
      });

      it('sends a statement that became the victim of a deadlock again', async () => {
        const crossing = withClient(url, async (client) => {
          // The other one notices first.
          await client.query(`SET deadlock_timeout = '10s'`);
          await client.query('BEGIN');
          await client.query('UPDATE notes SET n = n + 1 WHERE id = 1');
          await sleep(200);
          await client.query('UPDATE notes SET n = n + 1 WHERE id = 2');
          await client.query('COMMIT');
        });
        await sleep(50);
        await db.manager.query(
          `WITH second AS (UPDATE notes SET n = n + 1 WHERE id = $1 RETURNING id),
             later AS MATERIALIZED (SELECT id, pg_sleep(0.4) FROM second)
           UPDATE notes SET n = n + 1 FROM later WHERE notes.id = $2`,
          [2, 1],
        );
        await crossing;
        const rows: { n: number }[] = await db.manager.query('SELECT n FROM notes');
        expect(rows.map(({ n }) => n)).toEqual([2, 2]);
      });

      it('survives the end of its connections in every phase', async () => {
        let done = 0;
        const failures: unknown[] = [];
        const until = Date.now() + 2000;
        const worker = async () => {
          while (Date.now() < until) {
            await db
              .run(async () => {
                await db.manager.query('UPDATE notes SET n = n + 1 WHERE id = $1', [1]);
                await sleep(5);
                await db.manager.query('SELECT pg_sleep(0.01)');
              })
              .then(
                () => done++,
                (error: unknown) => failures.push(error),
              );
          }
        };
        const killer = async () => {
          while (Date.now() < until) {
            await sleep(150);
            await terminateAll();
          }
        };
        await Promise.all([worker(), worker(), worker(), killer()]);
        expect(done).toBeGreaterThan(10);
        expect(failures.length).toBeGreaterThan(5);
        expect(failures.filter((error) => toAppError(error)?.kind !== 'unavailable')).toEqual([]);
        // The news of the last one may still be under way.
        await sleep(100);
        await expect(db.manager.query('SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
      });

      it('ends statements and waits for locks that take too long', async () => {
        await expect(db.manager.query('SELECT pg_sleep(9)').catch(sqlStateOf)).resolves.toBe('57014');
        await expect(
          db.run(async () => {
            await db.manager.query('LOCK TABLE notes');
            return dataSource.query('UPDATE notes SET n = 5').catch(sqlStateOf);
          }),
        ).resolves.toBe('55P03');
      });
    });

    describe('a server that does not answer', () => {
      const { hostname, port } = new URL(serverUrl);
      const proxy = new TcpProxy({ host: hostname, port: Number(port || 5432) }, PROXY_PORT);
      afterEach(() => proxy.stop());

      const throughProxy = () => {
        const proxied = new URL(url);
        proxied.hostname = '127.0.0.1';
        proxied.port = String(PROXY_PORT);
        return proxied.toString();
      };

      it('is given up after the time limit, and the pool recovers', async () => {
        await proxy.start();
        const config = databaseConfig({
          url: throughProxy(),
          statementTimeoutMs: 500,
          connectionTimeoutMs: 500,
          poolMax: 2,
        });
        const dataSource = await new DataSource(connectionOptions(config, undefined)).initialize();
        proxy.freeze();
        const begin = Date.now();
        const outcomes = await Promise.all(
          Array.from({ length: 6 }, () => dataSource.query('SELECT 1').catch((error: unknown) => error)),
        );
        expect(Date.now() - begin).toBeLessThan(3_000 + SLACK_MS);
        expect(outcomes.map(isUnavailable)).toEqual([true, true, true, true, true, true]);
        proxy.thaw();
        await expect(dataSource.query('SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
        await dataSource.destroy();
      });

      it('is waited for at the start without holding it up', async () => {
        const application = await app(throughProxy());
        await application.init();
        const state = application.get(DatabaseState);
        expect(state.ready).toBe(false);
        await expect(state.check()).resolves.toBe(false);
        expect(() => application.get(TransactionRunner).manager).toThrow('not available');
        await proxy.start();
        await state.whenReady();
        await expect(state.check()).resolves.toBe(true);
        proxy.freeze();
        await expect(state.check()).resolves.toBe(false);
        await proxy.stop();
        proxy.thaw();
        await expect(state.check()).resolves.toBe(false);
        await proxy.start();
        await expect(state.check()).resolves.toBe(true);
        await application.close();
      });

      it('ends the process when it turns out to be the wrong one', async () => {
        const exited = Promise.withResolvers<unknown>();
        const exit = vi.spyOn(process, 'exit').mockImplementation((code) => exited.resolve(code) as never);
        const target = new URL(throughProxy());
        target.pathname = '/parley_no_such_database';
        const application = await app(target.toString());
        await application.init();
        await proxy.start();
        await expect(exited.promise).resolves.toBe(1);
        exit.mockRestore();
        await application.close();
      });
    });

    it.each([
      ['no such database', (target: URL) => (target.pathname = '/parley_no_such_database')],
      ['no such user', (target: URL) => (target.username = 'parley_no_such_user')],
      ['no TLS', (target: URL) => (target.search = '?sslmode=require')],
    ])('stops the start for what waiting does not heal: %s', async (_case, change) => {
      const target = new URL(url);
      change(target);
      const application = await app(target.toString());
      await expect(application.init()).rejects.toThrow('DATABASE_URL');
      await application.close();
    });
  });
}

describe('without a server', () => {
  it('starts all the same, is not ready, and can be closed', async () => {
    const application = await app(`postgresql://user@127.0.0.1:${PROXY_PORT}/parley`);
    await application.init();
    const state = application.get(DatabaseState);
    expect(state.ready).toBe(false);
    await expect(state.check()).resolves.toBe(false);
    expect(() => application.get(TransactionRunner).manager).toThrow('not available');
    await application.close();
  });
});

function migrateFixtures(url: string): Promise<string[]> {
  return migrate(connectionOptions(databaseConfig({ url }), undefined, { unlimited: true }), {
    files: FIXTURES,
  });
}

function app(url: string) {
  const database = databaseConfig({ url, connectionTimeoutMs: 500, statementTimeoutMs: 500 });
  @Global()
  @Module({ providers: [{ provide: AppConfig, useValue: { database } }], exports: [AppConfig] })
  class TestConfigModule {}
  return Test.createTestingModule({ imports: [TestConfigModule, DatabaseModule] })
    .setLogger(new ConsoleLogger({ logLevels: [] }))
    .compile();
}
