import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { logIn, newKey, signUp } from '../../support/accounts';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { type Statement, Statements } from '../../support/statements';
import { TokenIssuer } from '../../support/token-issuer';

type Headers = Record<string, string>;

let statements: Statements;
let t: TestApp;

beforeAll(() => {
  statements = new Statements();
});
afterEach(() => t.close());
afterAll(() => statements.restore());

async function start(env: NodeJS.ProcessEnv): Promise<void> {
  t = await createTestApp({ env });
  statements.watch(t.app.getHttpServer());
}

/** Those of a list that takes one by itself. */
async function sentBy(identity: Headers): Promise<Statement[]> {
  const request = t.request.get('/api/v1/conversations').set(identity);
  return statements.of(async () => expect((await request).status).toBe(200));
}

/** Once more than without an identity, by an index; and no more for somebody who is known. */
async function expectCheap(newIdentity: () => Promise<Headers>): Promise<void> {
  await sentBy(await newIdentity());
  const identity = await newIdentity();
  const first = await sentBy(identity);
  const known = await sentBy(identity);
  expect(known).toHaveLength(1);
  expect(first).toHaveLength(2);
  const plan = await planOf(first[0]);
  expect(plan).toMatch(/Index/);
  expect(plan).not.toMatch(/Seq Scan/);
}

/** Small tables are read as a whole, unless that is forbidden. */
async function planOf({ text, values }: Statement): Promise<string> {
  return t.app.get(DataSource).transaction(async (manager) => {
    await manager.query('SET LOCAL enable_seqscan = off');
    const rows: Record<string, string>[] = await manager.query(`EXPLAIN ${text}`, values);
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  });
}

const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });

describe('an identity costs one statement when it is first seen, by an index, and none when it is known', () => {
  it('named by a header', async () => {
    await start({});
    await expectCheap(async () => ({ 'x-user-id': randomUUID() }));
  });

  it('by an access token', async () => {
    await start({ AUTH_MODE: 'token' });
    await signUp(t.url, 'alice');
    await expectCheap(async () => bearer((await logIn(t.url, 'alice')).access_token));
  });

  it('by an API key', async () => {
    await start({ AUTH_MODE: 'token' });
    const alice = await signUp(t.url, 'alice');
    await expectCheap(async () => bearer((await newKey(alice, { name: randomUUID() })).key));
  });

  it('by a token of an identity service', async () => {
    const issuer = await TokenIssuer.start();
    await start(issuer.env);
    await expectCheap(async () => bearer(await issuer.token(randomUUID())));
    await issuer.close();
  });
});
