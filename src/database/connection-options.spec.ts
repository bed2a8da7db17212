import { connectionOptions } from './connection-options';

const config = {
  url: 'postgresql://user:secret@db.example.com/parley',
  dataDir: './data',
  poolMax: 7,
  connectionTimeoutMs: 3000,
  statementTimeoutMs: 10_000,
};

describe('connectionOptions', () => {
  it('bounds the pool, the wait for it, statements and locks', () => {
    expect(connectionOptions(config, undefined)).toMatchObject({
      poolSize: 7,
      connectTimeoutMS: 3000,
      installExtensions: false,
      migrationsRun: false,
      synchronize: false,
      extra: {
        statement_timeout: 10_000,
        lock_timeout: 5000,
        idle_in_transaction_session_timeout: 20_000,
        query_timeout: 10_500,
      },
    });
  });

  it('sends no session settings to a transaction pooler, and still bounds statements', () => {
    const { extra } = connectionOptions({ ...config, url: `${config.url}?pgbouncer=true` }, undefined);
    for (const name of ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']) {
      expect(extra).not.toHaveProperty(name);
    }
    expect(extra).toMatchObject({ query_timeout: 10_500 });
  });

  it('lets migrations take their time on one connection', () => {
    const options = connectionOptions(config, undefined, { unlimited: true });
    expect(options.poolSize).toBe(1);
    expect(options.extra).not.toHaveProperty('statement_timeout');
    expect(options.extra).not.toHaveProperty('query_timeout');
  });
});
