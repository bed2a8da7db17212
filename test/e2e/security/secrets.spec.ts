import type { Pool } from 'pg';
import { DataSource, QueryFailedError } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { ApiDescription } from '../../support/api-description';
import { routeNamed } from '../../support/app-routes';
import { as, CASES, idsOf, isStreamRoute, requestOf, titleOf } from '../../support/authorisation-matrix';
import { newPerson, sender, type Belongings } from '../../support/belongings';
import { HOSTILE_TEXTS } from '../../support/hostile-input';
import type { Answer, Call } from '../../support/http-call';
import { captureLogs } from '../../support/log-capture';
import { echo, failure, html, reply, reset } from '../../support/model-server/behaviours';
import { useChatApp } from '../../support/use-chat-app';

const PROXY_SECRET = 'proxysecret0123456789';
const PROVIDER_KEY = 'sk-providerkey0123456789';

/** What is logged at trace holds what is logged at any other level. */
describe('a whole run, logged at trace', () => {
  let alice: Belongings;
  let bob: Belongings;
  let promptsOfAlice: number;
  const tickets: string[] = [];
  const seenByBob: [string, string][] = [];

  const send = (request: Call): Promise<Answer> =>
    sender(t)({ ...request, headers: { 'x-proxy-secret': PROXY_SECRET, ...request.headers } });

  /** Every use of every route, by its owner and with everything of Alice by Bob, and much that fails. */
  const logs = captureLogs('trace');
  const t = useChatApp(
    {
      OPENAI_API_KEY: PROVIDER_KEY,
      AUTH_PROXY_SECRET: PROXY_SECRET,
    },
    { own: 'reads its log and all rows', overrides: [logs.override] },
  );
  const { model } = t;
  beforeAll(async () => {
    model.otherwise(echo());
    await runAll();
    await t.stop();
  }, 60_000);

  async function runAll(): Promise<void> {
    [alice, bob] = [await newPerson(send), await newPerson(send)];
    promptsOfAlice = model.requests.length;
    for (const each of CASES) {
      const his = await idsOf(bob, each, send);
      const hers = await idsOf(alice, each, send);
      for (const request of [requestOf(each, hers), requestOf(each, his)]) {
        const answer = await send(as(bob.user, request));
        seenByBob.push([titleOf(each), answer.text + JSON.stringify(answer.headers)]);
      }
      if (each.route.startsWith('DELETE')) bob = await newPerson(send);
      if (isStreamRoute(each)) await useTicket(requestOf(each, hers));
    }
    await failInManyWays();
  }

  async function useTicket(request: Call): Promise<void> {
    const { body } = await send(as(alice.user, { method: 'POST', path: '/api/v1/auth/stream-ticket' }));
    const { ticket } = body as { ticket: string };
    tickets.push(ticket);
    for (const path of [request.path, '/api/v1/models']) {
      for (let twice = 0; twice < 2; twice += 1)
        await send({ ...request, path, query: { ...request.query, ticket } });
    }
  }

  async function failInManyWays(): Promise<void> {
    const say = (content: unknown, extra = {}) =>
      send(
        as(alice.user, {
          method: 'POST',
          path: `/api/v1/chat/${alice.conversation}`,
          body: { content, ...extra },
        }),
      );
    const leaks = {
      message: `Incorrect API key provided: ${PROVIDER_KEY}. You said ${alice.canary}`,
      code: PROVIDER_KEY,
    };
    model.script(
      failure(401, leaks),
      failure(400, leaks),
      failure(500, leaks),
      failure(429, leaks, { 'retry-after': '1', 'x-echo': PROVIDER_KEY }),
      html(`<p>${PROVIDER_KEY} ${alice.canary}</p>`),
      reset(),
      reply(`Your key is ${PROVIDER_KEY}`),
    );
    for (let i = 0; i < 7; i += 1) {
      const { status, text } = await say(`Fail ${alice.canary}`);
      if (i < 6) expect([i, status >= 500, text.includes(PROVIDER_KEY)]).toEqual([i, true, false]);
    }
    for (const text of Object.values(HOSTILE_TEXTS))
      await say(`${alice.canary}${text}`, { model: alice.canary });
    await say({ canary: alice.canary });
    await send(as(alice.user, { method: 'POST', path: '/api/v1/chat', body: `{"content":"${alice.canary}` }));
    await send({
      method: 'GET',
      path: `/${alice.canary}`,
      headers: { authorization: `Bearer ${PROVIDER_KEY}`, cookie: PROXY_SECRET },
    });
    await send(as(`${alice.canary} x`, { method: 'GET', path: '/api/v1/models' }));
    await failDatabase(say);
  }

  /** As the driver does: with the statement, its parameters and the row in the error. */
  async function failDatabase(say: (content: string) => Promise<Answer>): Promise<void> {
    for (const code of ['23505', '22001', '08006', '53300', 'XX000']) {
      const driverError = Object.assign(new Error(`Key (title)=(${alice.canary}) exists`), {
        code,
        detail: `Failing row contains (${alice.canary})`,
      });
      const error = new QueryFailedError(
        `INSERT INTO x VALUES ($1)`,
        [alice.canary, PROVIDER_KEY],
        driverError,
      );
      const spy = vi.spyOn(t.app.get(DataSource), 'createQueryRunner').mockImplementation(() => {
        throw error;
      });
      const { text } = await say(alice.canary);
      spy.mockRestore();
      expect(text).not.toContain(alice.canary);
    }
  }

  it('reached the model with the key, and only there', () => {
    expect(model.requests[0].headers.authorization).toBe(`Bearer ${PROVIDER_KEY}`);
    expect(logs.lines.length).toBeGreaterThan(100);
  });

  it.each(['no content', 'no provider key', 'no proxy secret', 'no ticket'])(
    'leaves %s in the log',
    (what) => {
      const secrets = {
        'no content': [alice.canary, 'Hello there.', 'Not quite.'],
        'no provider key': [PROVIDER_KEY],
        'no proxy secret': [PROXY_SECRET],
        'no ticket': tickets,
      }[what] as string[];
      expect(secrets.length).toBeGreaterThan(0);
      // A path without a route is logged as it was asked for.
      const found = logs.lines.filter(
        (line) =>
          !line.includes(`"route":"/${alice.canary}"`) && secrets.some((secret) => line.includes(secret)),
      );
      expect(found.slice(0, 5)).toEqual([]);
    },
  );

  it('leaves nothing of how the database is reached in the log', () => {
    const found = logs.lines.filter((line) =>
      /postgres(ql)?:\/\/|password(?![-/](reset|forgot)|(Reset)?sController)|test-template|memory:\/\//i.test(
        line.replaceAll('/auth/password', ''),
      ),
    );
    expect(found.slice(0, 5)).toEqual([]);
  });

  it('writes one JSON object per line, each with the id of its request', () => {
    for (const line of logs.lines) {
      expect(line.trimEnd()).not.toMatch(/[\r\n]/);
      const entry = JSON.parse(line) as { msg?: string; request_id?: string };
      if (entry.msg === 'request') expect(entry.request_id).toMatch(/^req_[0-9a-f]{16}$/);
    }
  });

  it('shows Bob nothing of Alice', () => {
    const own = ['"event_lengths"', '"branch_id"', '"instance_id"', '"token_hash"', '"user_id"'];
    for (const [title, text] of seenByBob) {
      const found = [alice.canary, ...own].filter((trace) => text.includes(trace));
      expect([title, found]).toEqual([title, []]);
    }
  });

  it("puts nothing of Alice into Bob's prompts", () => {
    const prompts = model.requests.slice(promptsOfAlice).map(({ body }) => JSON.stringify(body));
    const mixed = prompts.filter((prompt) => prompt.includes(alice.canary) && prompt.includes(bob.canary));
    expect(mixed).toEqual([]);
  });
});

describe('a database that fails', () => {
  let api: ApiDescription;
  let alice: Belongings;

  const t = useChatApp({}, { own: 'breaks its database' });
  beforeAll(async () => {
    api = await ApiDescription.of(t);
    alice = await newPerson(sender(t));
  });

  const uses = CASES.filter(({ route, owner }) => route !== 'GET /api/v1/models' && owner < 300);

  it.each(uses.map((each) => [titleOf(each), each] as const))('is a 503 of %s', async (_title, each) => {
    const request = requestOf(each, await idsOf(alice, each, sender(t)));
    for (const [code, expected] of [
      ['08006', 503],
      ['57P01', 503],
      ['53300', 503],
    ] as const) {
      const driverError = Object.assign(new Error('secret internals'), { code });
      const dataSource = t.app.get(DataSource);
      const spies = [
        vi.spyOn(dataSource, 'createQueryRunner').mockImplementation(() => {
          throw new QueryFailedError('SELECT secret', ['secret'], driverError);
        }),
        // Statements outside of transactions go straight to the pool.
        vi.spyOn(poolOf(dataSource), 'connect').mockImplementation(() => {
          throw driverError;
        }),
      ];
      const answer = await sender(t)(as(alice.user, request));
      spies.forEach((spy) => spy.mockRestore());
      expect([code, answer.status, answer.headers['content-type']]).toEqual([
        code,
        expected,
        'application/problem+json',
      ]);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.text).not.toMatch(/secret|SELECT|stack|typeorm/);
      const { method, path } = routeNamed(each.route);
      const operation = api.find(method, path);
      expect(operation && api.complaintsAbout(operation, answer)).toEqual([]);
    }
  });
});

function poolOf({ driver }: DataSource): Pool {
  return (driver as PostgresDriver).master as Pool;
}
