import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { AccountSender } from '../../support/account-sender';
import { ApiDescription, type Operation } from '../../support/api-description';
import { fillPath } from '../../support/app-routes';
import { as } from '../../support/authorisation-matrix';
import { newPerson, type Belongings } from '../../support/belongings';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import type { Answer, Call } from '../../support/http-call';
import { type ModelServer, startModelServer } from '../../support/model-server';
import { reply } from '../../support/model-server/behaviours';
import { requestsOf, type Hints, type RandomRequest } from '../../support/schema-arbitrary';

/** Batches of up to five requests at once: about three times as many requests. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 700);
/** Give the seed of a failure to see it again. */
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);

let model: ModelServer;
let t: TestApp;
let api: ApiDescription;
let accounts: AccountSender;
let alice: Belongings;
let bob: Belongings;

beforeAll(async () => {
  model = await startModelServer();
  model.otherwise(reply('Yes.'));
  t = await createTestApp({ env: { ...model.env, AUTH_MODE: 'token' } });
  accounts = new AccountSender(t);
  api = await ApiDescription.of(t);
  [alice, bob] = [await person(), await person()];
});
afterAll(async () => {
  await t.close();
  await model.close();
});

const send = (request: Call): Promise<Answer> => accounts.send(request);
/** Now and then an administrator, so that nobody is the only one. */
const person = async () => newPerson(send, await accounts.newAccount(alice ? undefined : 'admin'));

const NAMES = ['conversation', 'reply', 'userMessage', 'feedback', 'provider', 'user'] as const;
const names = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...NAMES.map((name) => `@own.${name}@`)) },
  { weight: 1, arbitrary: fc.constantFrom(...NAMES.map((name) => `@foreign.${name}@`), '@unknown@') },
);

const HINTS: Hints = {
  id: names,
  conversation_id: fc.oneof(
    { weight: 4, arbitrary: fc.constant('@own.conversation@') },
    { weight: 1, arbitrary: names },
  ),
  message_id: fc.oneof({ weight: 4, arbitrary: fc.constant('@own.reply@') }, { weight: 1, arbitrary: names }),
  parent_id: fc.oneof({ weight: 4, arbitrary: fc.constant('@own.reply@') }, { weight: 1, arbitrary: names }),
  model: fc.oneof(
    { weight: 4, arbitrary: fc.constant('test-model') },
    { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 200 }) },
  ),
  limit: fc.integer({ min: 1, max: 100 }),
  username: fc.stringMatching(/^[a-z]{3,20}$/),
  email: fc.stringMatching(/^[a-z]{3,20}@example\.com$/),
  name: fc.stringMatching(/^[a-z]{1,20}$/),
  base_url: fc.constantFrom(
    'http://127.0.0.1:9/v1',
    'https://8.8.8.8/v1',
    'https://127.0.0.1/',
    'file:///etc/passwd',
  ),
  api_key: fc.stringMatching(/^[a-z0-9-]{8,40}$/),
  models: fc.array(fc.stringMatching(/^[a-z0-9/:.-]{1,20}$/), { maxLength: 3 }),
  from: fc.constantFrom('2026-01-01', '2026-11-01', '2000-01-01', 'x'),
  to: fc.constantFrom('2026-03-01', '2026-11-30', '9999-12-31', 'x'),
  expires_at: fc.constantFrom(null, '2050-01-01T00:00:00Z', '2020-01-01T00:00:00Z', 'x'),
  after: fc.tuple(names, fc.nat(20)).map(([name, sequence]) => `${name}:${sequence}`),
  'Last-Event-ID': fc.tuple(names, fc.nat(20)).map(([name, sequence]) => `${name}:${sequence}`),
  'If-Match': fc.constantFrom('"1"', '"2"', 'W/"1"', '*', '"x"', '"1", "2"'),
  ticket: fc.string({ minLength: 43, maxLength: 43 }),
};

const KINDS: Record<string, string> = {
  conversations: 'conversation',
  messages: 'reply',
  feedback: 'feedback',
  providers: 'provider',
  users: 'user',
};

/** `:id` is most often of the kind that the path is about. */
function hintsFor({ path }: Operation): Hints {
  const kind = KINDS[path.split('/')[3]];
  if (!kind) return HINTS;
  const own = fc.constant(`@own.${kind}@`);
  return { ...HINTS, id: fc.oneof({ weight: 4, arbitrary: own }, { weight: 1, arbitrary: names }) };
}

/** Names become ids. */
function withIds<T>(value: T): T {
  const json = JSON.stringify(value).replaceAll(
    /@(own|foreign|unknown)(?:\.(\w+))?@/g,
    (_, whose: string, name: string) => {
      if (whose === 'unknown') return randomUUID();
      return (whose === 'own' ? alice : bob)[name as (typeof NAMES)[number]];
    },
  );
  return JSON.parse(json) as T;
}

function toCall(random: RandomRequest, { method, path }: Operation): Call {
  const request = withIds(random);
  const query = Object.fromEntries(Object.entries(request.query).filter(([, value]) => value.isWellFormed()));
  const parameters = Object.fromEntries(
    Object.entries(request.path).map(([name, value]) => [name, value.toWellFormed()]),
  );
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([, value]) => /^[\x20-\x7e]*$/.test(value)),
  );
  const address = fillPath(path, parameters);
  return { method, path: address, query, headers, ...(random.body && { body: request.body }), quietMs: 15 };
}

/** `sendMessage accepted`, `sendMessage refused` … */
const answered = new Set<string>();

async function faultsOf(random: RandomRequest, operation: Operation): Promise<string[]> {
  const request = toCall(random, operation);
  const answer = await send(as(alice.user, request));
  const shown = `${request.method} ${request.path} → ${answer.status} ${answer.text.slice(0, 300)}`;
  const faults = isOfOperation(answer) ? api.complaintsAbout(operation, answer) : [];
  answered.add(`${operation.id} ${answer.status < 300 ? 'accepted' : 'refused'}`);
  if (answer.status >= 500) faults.push('it is a 5xx');
  if (answer.text.includes(bob.canary)) faults.push('it shows what is of somebody else');
  return faults.map((fault) => `${fault}: ${shown}`);
}

/** An id that is empty or has dots leads to another route, or to none. */
function isOfOperation({ status, body }: Answer): boolean {
  return (
    ![404, 405].includes(status) ||
    !['route_not_found', 'method_not_allowed'].includes((body as { code?: string })?.code ?? '')
  );
}

it(
  `whatever is sent, what comes back is as documented (FUZZ_SEED=${SEED} FUZZ_RUNS=${RUNS})`,
  async () => {
    const operations = new Map(api.operations.map((operation) => [operation.id, operation]));
    const requests = fc.oneof(
      ...api.operations.map((operation) => requestsOf(operation, api, hintsFor(operation))),
    );
    const property = fc.asyncProperty(fc.array(requests, { minLength: 1, maxLength: 5 }), async (batch) => {
      const faults = await Promise.all(
        batch.map((random) => faultsOf(random, operations.get(random.operation) as Operation)),
      );
      if (batch.some(({ operation }) => /^(delete|logOut)/.test(operation))) alice = await person();
      expect(faults.flat()).toEqual([]);
    });
    await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true });
    // It was worth it only if hardly an operation was always refused.
    const accepted = [...operations.keys()].filter((id) => answered.has(`${id} accepted`));
    expect(accepted.length / operations.size).toBeGreaterThan(0.8);
  },
  600_000 + RUNS * 200,
);

describe('afterwards', () => {
  const count = async (sql: string) => {
    const [row] = await t.app
      .get(DataSource)
      .query<{ count: number }[]>(`SELECT count(*)::int AS count FROM ${sql}`);
    return row.count;
  };

  it('no reply is left running', async () => {
    for (let tries = 0; tries < 50 && (await count(`messages WHERE status = 'streaming'`)) > 0; tries += 1)
      await sleep(100);
    expect(await count(`messages WHERE status = 'streaming'`)).toBe(0);
  });

  it('no row belongs to nothing, or to two users', async () => {
    const MIXED = [
      'messages m LEFT JOIN conversations c ON c.id = m.conversation_id WHERE c.id IS NULL OR c.user_id <> m.user_id',
      'feedback f LEFT JOIN messages m ON m.id = f.message_id WHERE m.id IS NULL OR m.user_id <> f.user_id OR m.conversation_id <> f.conversation_id',
      'messages m LEFT JOIN messages p ON p.id = m.parent_id WHERE m.parent_id IS NOT NULL AND (p.id IS NULL OR p.conversation_id <> m.conversation_id)',
      `messages WHERE role NOT IN ('user', 'assistant')`,
      'conversations c LEFT JOIN messages m ON m.id = c.active_leaf_id WHERE c.active_leaf_id IS NOT NULL AND (m.id IS NULL OR m.conversation_id <> c.id)',
    ];
    for (const sql of MIXED) expect([sql, await count(sql)]).toEqual([sql, 0]);
  });

  it('the service works as before', async () => {
    expect((await send({ method: 'GET', path: '/health/ready' })).status).toBe(200);
    const { user, conversation } = await person();
    const body = { content: 'Still there?' };
    const answer = await send(as(user, { method: 'POST', path: `/api/v1/chat/${conversation}`, body }));
    expect(answer.body).toMatchObject({ response: 'Yes.' });
  });
});
