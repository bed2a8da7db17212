import { captureLogs } from '../../support/log-capture';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';
import { until } from '../../support/until';
import { useChatApp } from '../../support/use-chat-app';
import { TcpProxy } from './tcp-proxy';

/** Only a PostgreSQL can be away. */
const onServer = process.env.TEST_DATABASE_URL ? describe : describe.skip;
const PROXY_PORT = 20_000 + Math.floor(Math.random() * 10_000);

type Line = { level: number; msg: string; err?: object };

onServer('the log of an outage', () => {
  let proxy: TcpProxy;
  const logs = captureLogs('info');
  const t = useChatApp({}, { own: 'loses its database', database: behindProxy, overrides: [logs.override] });
  const alice = t.client('alice');
  const lines = () => logs.lines.map((line) => JSON.parse(line) as Line);
  const told = (msg: string) => lines().filter((line) => line.msg === msg);

  async function behindProxy(): Promise<TestDatabase> {
    const database = await createTestDatabase();
    const url = new URL(database.config.url ?? '');
    proxy = new TcpProxy({ host: url.hostname, port: Number(url.port) }, PROXY_PORT);
    await proxy.start();
    url.port = String(PROXY_PORT);
    return {
      ...database,
      config: { ...database.config, url: url.href },
      close: async () => {
        await proxy.stop();
        await database.close();
      },
    };
  }

  it.each(['refuses', 'is silent'])(
    'says once that the database is lost, and once that it is back: it %s',
    async (kind) => {
      const { id } = await alice.conversation();
      const feed = await alice.open('GET', `/chat/${id}/stream`);
      logs.lines.length = 0;
      if (kind === 'refuses') await proxy.stop();
      else proxy.freeze();
      // Lines of the first seconds wait until it is known what they are about.
      await until(async () => told('The database is lost').length > 0, 60_000);
      for (let turn = 0; turn < 5; turn += 1)
        expect((await alice.post(`/chat/${id}`, { content: 'Hi' })).status).toBe(503);
      if (kind === 'refuses') await proxy.start();
      else proxy.thaw();
      await until(async () => told('The database is back').length > 0, 60_000);
      await until(async () => (await alice.post(`/chat/${id}`, { content: 'Hi' })).status === 200, 60_000);
      expect(told('The database is lost')).toMatchObject([{ level: 50, reason: expect.any(String) }]);
      expect(told('The database is back')).toMatchObject([{ level: 30, ms: expect.any(Number) }]);
      expect(lines().filter(({ err }) => err !== undefined)).toEqual([]);
      feed.close();
    },
  );

  it('one failed statement is no outage: its line comes as it is', async () => {
    const { id } = await alice.conversation();
    logs.lines.length = 0;
    const { DataSource } = await import('typeorm');
    const { Logger } = await import('@nestjs/common');
    const timedOut = await t.app
      .get(DataSource)
      .query(`SELECT set_config('statement_timeout', '1', true), pg_sleep(1)`)
      .catch((err: unknown) => err);
    new Logger('Test').warn({ err: timedOut }, 'A statement failed');
    await until(async () => told('A statement failed').length > 0);
    expect(told('The database is lost')).toEqual([]);
    expect((await alice.post(`/chat/${id}`, { content: 'Hi' })).status).toBe(200);
  });
});
