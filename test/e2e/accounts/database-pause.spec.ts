import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type Person, signUp } from '../../support/accounts';
import { useChatApp } from '../../support/use-chat-app';
import { SocketClient } from '../../support/socket-client';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';
import { TcpProxy } from '../../integration/database/tcp-proxy';

/** Only a PostgreSQL can be away. */
const shared = process.env.TEST_DATABASE_URL ? describe : describe.skip;
const USERS = 8;
const SOCKETS_EACH = 20;
/** So long a silence that some changes may have come and gone unseen. */
const SILENCE_MS = 32_000;
const HICCUP_MS = 6_000;
const PROXY_PORT = 20_000 + Math.floor(Math.random() * 10_000);

shared('sockets while the database is away', () => {
  let proxy: TcpProxy;
  let people: Person[];
  let sockets: SocketClient[][];

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

  const t = useChatApp({ AUTH_MODE: 'token' }, { own: 'pauses its database', database: behindProxy });
  beforeAll(async () => {
    people = [];
    for (let i = 0; i < USERS; i += 1) people.push(await signUp(t.url, `user${i}`));
    sockets = await Promise.all(
      people.map(({ access }) =>
        Promise.all(
          Array.from({ length: SOCKETS_EACH }, () =>
            SocketClient.open(`${t.url}/api/v1/ws`, { authorization: `Bearer ${access}` }),
          ),
        ),
      ),
    );
  }, 60_000);
  afterAll(() => Promise.all(sockets.flat().map((socket) => socket.close())));

  const closed = () => sockets.flat().filter(({ code }) => code !== undefined).length;

  it('stay open, also through a second hiccup, and then cost one look-up per user', async () => {
    const asked: unknown[] = [];
    // eslint-disable-next-line typescript/unbound-method
    const query = Client.prototype.query;
    let onFirst = () => proxy.freeze();
    vi.spyOn(Client.prototype, 'query').mockImplementation(function (this: Client, ...args: unknown[]) {
      const [config] = args as [string | { text?: string; values?: unknown[] }];
      const { text = '', values } = typeof config === 'string' ? { text: config } : config;
      if (/SELECT user_id, expires_at FROM sessions/.test(text)) {
        asked.push(values?.[0]);
        onFirst();
      }
      return (query as (...all: unknown[]) => never).apply(this, args);
    });
    proxy.freeze();
    await sleep(SILENCE_MS);
    proxy.thaw();
    for (let i = 0; i < 300 && asked.length === 0; i += 1) await sleep(100);
    onFirst = () => undefined;
    expect(asked.length).toBeGreaterThan(0);
    await sleep(HICCUP_MS);
    proxy.thaw();
    for (let i = 0; i < 300 && new Set(asked).size < USERS; i += 1) await sleep(100);
    await sleep(3_000);
    expect([new Set(asked).size, closed()]).toEqual([USERS, 0]);
    // Those under way at the hiccup are asked for again; one for each of the sockets would be 160.
    expect(asked.length).toBeLessThan(5 * USERS);
    vi.restoreAllMocks();
  }, 150_000);

  it('end soon after that with their session', async () => {
    expect((await people[0].api.post('/auth/logout')).status).toBe(204);
    for (let i = 0; i < 400 && sockets[0].some(({ code }) => code === undefined); i += 1) await sleep(50);
    expect(sockets[0].filter(({ code }) => code === undefined)).toEqual([]);
    expect(closed()).toBe(SOCKETS_EACH);
  });
});
