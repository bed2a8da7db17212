import { Controller, Get, Module, Param } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { ApiDescription, type RawDocument } from '../../support/api-description';
import {
  as,
  CASES,
  essence,
  gapsOfMatrix,
  idsOf,
  isStreamRoute,
  missingStatus,
  requestOf,
  titleOf,
  unknownId,
  type MatrixCase,
  type Values,
} from '../../support/authorisation-matrix';
import { PUBLIC_ROUTES } from '../../support/authorisation-matrix-rows';
import { newPerson, sender, type Belongings } from '../../support/belongings';
import { createTestApp } from '../../support/create-test-app';
import { databaseFingerprint } from '../../support/database-fingerprint';
import type { Answer, Call } from '../../support/http-call';
import { echo, reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { useChatApp } from '../../support/use-chat-app';

const NOT_IN_TABLE = 'is not in the table';
const NOT_A_USER = 'not a user';
let api: ApiDescription;
let send: (request: Call) => Promise<Answer>;
let cells = 0;

const t = useChatApp({ PAGE: 'off' }, { own: 'compares all rows before and after' });
const { model } = t;
beforeAll(async () => {
  model.otherwise(echo());
  api = await ApiDescription.of(t);
  send = sender(t);
});

/** Whatever is tried must change no row and must not reach the model. */
async function withoutEffect(attempt: () => Promise<void>): Promise<void> {
  const before = { rows: await databaseFingerprint(t), calls: model.requests.length };
  await attempt();
  expect({ rows: await databaseFingerprint(t), calls: model.requests.length }).toEqual(before);
}

async function expectStatus(who: string, request: Call, status: number): Promise<Answer> {
  cells += 1;
  const answer = await send(request);
  expect({ who, status: answer.status, text: answer.status === status || answer.text }).toEqual({
    who,
    status,
    text: true,
  });
  return answer;
}

function expectNoTraceOf({ traces }: Belongings, { text, headers }: Answer, request?: Call): void {
  const asked = JSON.stringify(request ?? {});
  const seen = text + JSON.stringify(headers);
  expect(traces.filter((trace) => seen.includes(trace) && !asked.includes(trace))).toEqual([]);
}

describe('the table of routes', () => {
  it('knows every route of the application and every id that it takes', () => {
    expect(gapsOfMatrix(t, api)).toEqual([]);
  });

  it('notices a new route', async () => {
    const other = await createTestApp({ env: { PAGE: 'off' }, imports: [UnknownModule] });
    try {
      const gaps = gapsOfMatrix(other, await ApiDescription.of(other));
      const known = gapsOfMatrix(t, api);
      expect(gaps.filter((gap) => !known.includes(gap))).toEqual([`GET /api/v1/unknown/:id ${NOT_IN_TABLE}`]);
    } finally {
      await other.close();
    }
  });

  it('notices a new id', async () => {
    const document = (await t.request.get('/api/v1/openapi.json')).body as RawDocument;
    const parameter = { name: 'thread_id', in: 'query' as const, schema: { type: 'string' } };
    document.paths['/api/v1/models'].get.parameters = [parameter];
    const body = { type: 'object', properties: { of: { type: 'string', format: 'uuid' } } };
    document.paths['/api/v1/feedback'].post.requestBody = {
      content: { 'application/json': { schema: body } },
    };
    const gaps = gapsOfMatrix(t, new ApiDescription(document));
    expect(gaps).toEqual(
      expect.arrayContaining([
        `GET /api/v1/models: query.thread_id ${NOT_IN_TABLE}`,
        `POST /api/v1/feedback: body.of ${NOT_IN_TABLE}`,
      ]),
    );
  });
});

@Controller('unknown')
class UnknownController {
  @Get(':id')
  @ApiParam({ name: 'id', format: 'uuid' })
  read(@Param('id') id: string) {
    return { id };
  }
}

@Module({ controllers: [UnknownController] })
class UnknownModule {}

describe('public routes', () => {
  it.each(Object.entries(PUBLIC_ROUTES))(
    '%s needs no identity, and a malformed one does no harm',
    async (route, status) => {
      const [method, path] = route.split(' ');
      for (const headers of [{}, { 'x-user-id': NOT_A_USER }] as Values[])
        await expectStatus('anybody', { method, path, headers }, status);
    },
  );
});

describe.each(CASES.map((each) => [titleOf(each), each] as const))('%s', (_title, each) => {
  let alice: Belongings;
  let bob: Belongings;
  let hers: Values;
  let his: Values;

  beforeAll(async () => {
    [alice, bob] = [await newPerson(send), await newPerson(send)];
    [hers, his] = [await idsOf(alice, each, send), await idsOf(bob, each, send)];
  });

  it('is closed without an identity', () =>
    withoutEffect(async () => {
      const { headers, text } = await expectStatus('nobody', requestOf(each, hers), 401);
      expect(headers['www-authenticate']).toBe('X-User-ID realm="parley"');
      expectNoTraceOf(alice, { text } as Answer, requestOf(each, hers));
      if (each.route.startsWith('GET'))
        await expectStatus(
          'nobody',
          { ...requestOf(each, hers), method: 'HEAD' },
          isStreamRoute(each) ? 405 : 401,
        );
    }));

  it('is closed with a malformed identity', () =>
    withoutEffect(async () => {
      const { body } = await expectStatus('malformed', as(NOT_A_USER, requestOf(each, hers)), 400);
      expect(body).toMatchObject({ code: 'invalid_user_id' });
    }));

  const slots = Object.keys(each.ids);
  if (slots.length > 0) {
    it.each(slots)("has nothing for another user's %s", (slot) =>
      withoutEffect(async () => {
        const status = missingStatus(each, slot);
        const foreign = requestOf(each, { ...his, [slot]: hers[slot] });
        const unknown = requestOf(each, { ...his, [slot]: unknownId(each.ids[slot]) });
        const refusal = await expectStatus('bob', as(bob.user, foreign), status);
        expect(essence(refusal)).toEqual(essence(await expectStatus('bob', as(bob.user, unknown), status)));
        expectNoTraceOf(alice, refusal, foreign);
        if (each.route.startsWith('GET'))
          await expectStatus(
            'bob',
            as(bob.user, { ...foreign, method: 'HEAD' }),
            isStreamRoute(each) ? 405 : status,
          );
      }),
    );
  }

  if (slots.length > 1) {
    it('has nothing for another user who has all the ids', () =>
      withoutEffect(async () => {
        const refusal = await expectStatus(
          'bob',
          as(bob.user, requestOf(each, hers)),
          missingStatus(each, slots[0]),
        );
        expectNoTraceOf(alice, refusal, requestOf(each, hers));
      }));
  }

  it('serves everybody what is theirs', async () => {
    for (const [person, ids, stranger] of [
      [bob, his, alice],
      [alice, hers, bob],
    ] as const) {
      const answer = await expectStatus(person.user, as(person.user, requestOf(each, ids)), each.owner);
      expectNoTraceOf(stranger, answer);
      expect(complaints(each, answer)).toEqual([]);
    }
  });
});

/** The owner sees what is documented, and nothing else. */
function complaints({ route }: MatrixCase, answer: Answer): string[] {
  const [method, path] = route.split(' ');
  const operation = api.find(method, path);
  return operation ? api.complaintsAbout(operation, answer) : ['not documented'];
}

describe('identity in the query', () => {
  let alice: Belongings;
  beforeAll(async () => {
    alice = await newPerson(send);
  });

  async function ticket(): Promise<string> {
    const { body } = await send(as(alice.user, { method: 'POST', path: '/api/v1/auth/stream-ticket' }));
    return (body as { ticket: string }).ticket;
  }

  it.each(CASES.filter(isStreamRoute).map((each) => [titleOf(each), each] as const))(
    'is taken by %s',
    async (_title, each) => {
      const request = requestOf(each, await idsOf(alice, each, send));
      const withQuery = (query: Record<string, string>) => ({
        ...request,
        query: { ...request.query, ...query },
      });
      await expectStatus('user_id', withQuery({ user_id: alice.user }), each.owner);
      const once = withQuery({ ticket: await ticket() });
      await expectStatus('ticket', once, each.owner);
      await expectStatus('spent ticket', once, 401);
    },
  );

  it.each(CASES.filter((each) => !isStreamRoute(each)).map((each) => [titleOf(each), each] as const))(
    'is not taken by %s',
    async (_title, each) => {
      const request = requestOf(each, await idsOf(alice, each, send));
      const unspent = await ticket();
      await withoutEffect(async () => {
        for (const query of [{ user_id: alice.user }, { ticket: unspent }] as Values[]) {
          await expectStatus(
            Object.keys(query)[0],
            { ...request, query: { ...request.query, ...query } },
            401,
          );
        }
      });
      const stream = {
        method: 'GET',
        path: `/api/v1/messages/${alice.reply}/stream`,
        query: { ticket: unspent },
      };
      await expectStatus('ticket where it belongs', stream, 200);
    },
  );

  it("opens nothing of anybody else's", async () => {
    const bob = await newPerson(send);
    // But for those that open what is one's own.
    for (const each of CASES.filter(
      (other) => isStreamRoute(other) && Object.keys(other.ids ?? {}).length > 0,
    )) {
      const request = requestOf(each, await idsOf(bob, each, send));
      for (const query of [{ user_id: alice.user }, { ticket: await ticket() }] as Values[]) {
        const { status } = await send({ ...request, query: { ...request.query, ...query } });
        expect([each.route, [400, 404].includes(status)]).toEqual([each.route, true]);
      }
    }
  });

  it('is in no other place', async () => {
    const { user } = alice;
    for (const headers of [
      { cookie: `X-User-ID=${user}; user_id=${user}` },
      { authorization: `Bearer ${user}` },
      { 'x-forwarded-user': user, 'x-user': user, 'x-auth-request-user': user, 'remote-user': user },
    ] as Values[]) {
      for (const path of ['/api/v1/models', `/api/v1/messages/${alice.reply}/stream`]) {
        await expectStatus(Object.keys(headers)[0], { method: 'GET', path, headers }, 401);
      }
    }
  });
});

describe('a reply that is running', () => {
  it('is not disturbed by anything that others try', async () => {
    const [alice, bob] = [await newPerson(send), await newPerson(send)];
    const gate = hold();
    model.script(reply(['The whole ', gate, 'answer.']));
    const path = `/api/v1/chat/${alice.conversation}`;
    const answer = send(as(alice.user, { method: 'POST', path, body: { content: 'Hello' } }));
    await gate.reached;
    const calls = model.requests.length;
    for (const each of CASES.filter(({ ids }) => Object.keys(ids).length > 0)) {
      const request = requestOf(each, await idsOf(alice, each, send));
      const { status, text } = await send(as(bob.user, request));
      const first = Object.keys(each.ids)[0];
      expect([titleOf(each), status]).toEqual([titleOf(each), missingStatus(each, first)]);
      expect(text).not.toContain(alice.canary);
    }
    expect(model.requests.length).toBe(calls);
    gate.release();
    expect((await answer).body).toMatchObject({
      response: 'The whole answer.',
      message: { status: 'completed' },
    });
  });
});

it('has tried hundreds of cells', () => {
  expect(cells).toBeGreaterThan(600);
});
