import { DataSource } from 'typeorm';
import { bearer, logIn, newKey, type Person, signUp } from '../../support/accounts';
import { captureLogs } from '../../support/log-capture';
import { echo } from '../../support/model-server/behaviours';
import { useChatApp } from '../../support/use-chat-app';

/*
 * Where the service keeps accounts, nothing that lets anybody in may be found in the logs at any level, in the database or in errors.
 */

const JWT_SECRET = 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e';
const ENCRYPTION_KEY = Buffer.from('a master key of thirty-two bytes').toString('base64');
const PASSWORD = 'canary-password one';
const NEXT_PASSWORD = 'canary-password two';
const PROVIDER_KEY = 'sk-canary-provider-key-4711';

let dump: string;
/** By what they are. */
const secrets: Record<string, string> = {
  'the secret of tokens': JWT_SECRET,
  'the master key': ENCRYPTION_KEY,
  'a password': PASSWORD,
  'another password': NEXT_PASSWORD,
  "a provider's key": PROVIDER_KEY,
};
const failures: string[] = [];

const logs = captureLogs('trace');
const t = useChatApp(
  { AUTH_MODE: 'token', JWT_SECRET, ENCRYPTION_KEY },
  { own: 'reads its log and all rows', overrides: [logs.override] },
);
const { model } = t;
beforeAll(async () => {
  model.otherwise(echo());
  await useEverything();
  dump = await contents();
  await t.stop();
}, 60_000);

async function useEverything(): Promise<void> {
  const alice = await signUp(t.url, 'alice', PASSWORD);
  const { key } = await newKey(alice);
  const refreshed = await bearer(t.url).post<{ access_token: string; refresh_token: string }>(
    '/auth/refresh',
    {
      refresh_token: alice.refresh,
    },
  );
  Object.assign(secrets, {
    'an access token': alice.access,
    'a spent refresh token': alice.refresh,
    'a later access token': refreshed.body.access_token,
    'a refresh token': refreshed.body.refresh_token,
    'an API key': key,
    'a ticket': await alice.api.ticket(),
    'a spent ticket': await spentTicket(alice),
  });
  await bearer(t.url, key).conversation();
  await alice.api.post('/providers', {
    name: 'mine',
    base_url: 'http://127.0.0.1:9/v1',
    api_key: PROVIDER_KEY,
    models: ['gpt'],
  });
  await fail(alice, key);
  await alice.api.post('/auth/password', { current_password: PASSWORD, new_password: NEXT_PASSWORD });
  await logIn(t.url, 'alice', NEXT_PASSWORD);
}

async function spentTicket(person: Person): Promise<string> {
  const { id } = await person.api.conversation();
  const ticket = await person.api.ticket();
  const feed = await bearer(t.url).open('GET', `/chat/${id}/stream?ticket=${ticket}`);
  expect(feed.status).toBe(200);
  feed.close();
  return ticket;
}

/** With a secret in the request, in as many places as there are. */
async function fail(alice: Person, key: string): Promise<void> {
  const anonymous = bearer(t.url);
  const body = { username: 'bob', email: 'bob@example.com', password: PASSWORD };
  const answers = [
    await anonymous.post('/auth/register', { ...body, role: 'admin' }),
    await anonymous.post('/auth/register', { ...body, email: PASSWORD }),
    await anonymous.post('/auth/register', `{"password":"${PASSWORD}"`),
    await anonymous.post('/auth/token', { username: 'nobody', password: PASSWORD }),
    await anonymous.post('/auth/token', { username: 'alice', password: NEXT_PASSWORD }),
    await anonymous.post('/auth/refresh', { refresh_token: key }),
    await bearer(t.url, `${alice.access}x`).get('/auth/me'),
    await bearer(t.url, key).post('/api-keys', { name: key }),
    await alice.api.post('/providers', {
      name: 'other',
      base_url: 'http://10.0.0.1/',
      api_key: PROVIDER_KEY,
    }),
    await alice.api.post('/chat/no%20name', { content: 'x' }),
    await anonymous.get(`/conversations?token=${alice.access}`),
  ];
  for (const { status, text } of answers) {
    expect(status).toBeGreaterThanOrEqual(400);
    failures.push(text);
  }
  const { id } = await alice.api.conversation({ model: 'mine/gpt' });
  failures.push((await alice.api.post(`/chat/${id}`, { content: 'x' })).text);
}

async function contents(): Promise<string> {
  const { app } = t;
  const query = <T>(sql: string) => app.get(DataSource).query<T[]>(sql);
  const tables = await query<{ name: string }>(
    'SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = current_schema()',
  );
  const texts = await Promise.all(
    tables.map(async ({ name }) => JSON.stringify(await query(`SELECT x::text FROM ${name} x`))),
  );
  return texts.join('\n');
}

const encodings = (secret: string) => [
  secret,
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('hex'),
];

it('all of it was used', () => {
  expect(Object.keys(secrets)).toHaveLength(12);
  expect(Object.values(secrets).filter((secret) => secret.length < 16)).toEqual([]);
  expect(logs.lines.length).toBeGreaterThan(20);
  expect(dump).toContain('alice@example.com');
});

it.each([
  ['the log', () => logs.lines.join('\n')],
  ['the database', () => dump],
  ['answers that refuse', () => failures.join('\n')],
])('%s holds no secret', (_where, text) => {
  const found = Object.entries(secrets).filter(([, secret]) =>
    encodings(secret).some((encoded) => text().includes(encoded)),
  );
  expect(found.map(([name]) => name)).toEqual([]);
});
