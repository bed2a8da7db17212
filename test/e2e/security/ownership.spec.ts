import { createHash, randomUUID } from 'node:crypto';
import { ApiDescription, type Operation } from '../../support/api-description';
import { routeNamed } from '../../support/app-routes';
import { as, CASES, idsOf, requestOf, titleOf } from '../../support/authorisation-matrix';
import { newPerson, sender, type Belongings } from '../../support/belongings';
import { columnNames, databaseFingerprint, rowsOf } from '../../support/database-fingerprint';
import { jsonWithMember, withMember } from '../../support/hostile-input';
import type { Answer, Call } from '../../support/http-call';
import { echo } from '../../support/model-server/behaviours';
import { useChatApp } from '../../support/use-chat-app';

let api: ApiDescription;
let send: (request: Call) => Promise<Answer>;
let alice: Belongings;
let bob: Belongings;

const t = useChatApp({}, { own: 'compares all rows before and after' });
const { model } = t;
beforeAll(async () => {
  model.otherwise(echo());
  api = await ApiDescription.of(t);
  send = sender(t);
});
beforeEach(async () => {
  [alice, bob] = [await newPerson(send), await newPerson(send)];
});

/** The path may have a `q`. */
const get = (path: string, query: Record<string, string> = {}): Promise<Answer> => {
  const [plain, q] = path.split('?q=');
  return send(as(bob.user, { method: 'GET', path: `/api/v1${plain}`, query: { ...(q && { q }), ...query } }));
};

function operationOf(route: string): Operation {
  const { method, path } = routeNamed(route);
  const operation = api.find(method, path);
  if (!operation) throw new Error(`${route} is not documented`);
  return operation;
}

describe('what a client cannot write', () => {
  const FORBIDDEN = [
    'role',
    'isAdmin',
    'is_admin',
    'userId',
    'owner',
    'owner_id',
    'embedding',
    'storageKey',
    'deletedAt',
    'deleted_at',
    'scopes',
    'messages',
    'user',
    'conversation',
    'attempts',
    'on_conflict',
    'stack',
    'then',
    '$where',
    'constructor.prototype.x',
    'user_id[]',
    'User_Id',
    'user_id ',
  ];
  // What is there only with accounts has tests of its own (`test/e2e/accounts`).
  const writes = CASES.filter(({ route, body, account }) => body && !account && !route.startsWith('GET'));
  /** So many that all of them are named in the refusal. */
  const AT_ONCE = 90;

  it.each(writes.map((each) => [titleOf(each), each] as const))('%s', async (_title, each) => {
    const operation = operationOf(each.route);
    const request = requestOf(each, await idsOf(alice, each, send));
    const documented = api.fieldsOf(operation).filter((field) => field.in === 'body');
    const places = [[], ...documented.filter(({ schema }) => schema.properties).map(({ path }) => path)];
    const names = [...new Set([...FORBIDDEN, ...(await columnNames(t))])];
    const before = await databaseFingerprint(t);
    for (const place of places) {
      const here = documented.filter(({ path }) => path.slice(0, -1).join() === place.join());
      const known = new Set(here.map(({ path }) => path.at(-1)));
      const unknown = names.filter((name) => !known.has(name));
      for (let from = 0; from < unknown.length; from += AT_ONCE) {
        const some = unknown.slice(from, from + AT_ONCE);
        const body = some.reduce(
          (sum, name) => withMember(sum, [...place, name], alice.conversation),
          request.body as object,
        );
        const answer = await send(as(alice.user, { ...request, body }));
        const refused = (answer.body as { errors?: { path: string; message: string }[] }).errors ?? [];
        const paths = refused
          .filter(({ message }) => message === 'is not a known field')
          .map(({ path }) => path);
        expect(answer.status).toBe(400);
        expect(paths.sort()).toEqual(some.map((name) => [...place, name].join('.')).sort());
      }
      for (const name of ['id', 'user_id', 'role', 'created_at', 'version']) {
        const one = await send(
          as(alice.user, { ...request, body: withMember(request.body as object, [...place, name], 'x') }),
        );
        expect([name, one.status]).toEqual([name, 400]);
      }
    }
    expect(await databaseFingerprint(t)).toEqual(before);
  });

  it.each(writes.map((each) => [titleOf(each), each] as const))('%s: a prototype', async (_title, each) => {
    const request = requestOf(each, await idsOf(alice, each, send));
    for (const path of [
      ['__proto__'],
      ['constructor'],
      ['prototype'],
      ['settings', '__proto__'],
      ['metadata', 'constructor'],
    ]) {
      const json = jsonWithMember(withMember({}, path, {}), path, '{"user_id":"x","polluted":true}');
      const others = JSON.stringify(request.body).slice(1, -1);
      const body = `{${others}${others && ','}${json.slice(1)}`;
      const answer = await send(as(alice.user, { ...request, body }));
      expect([path, answer.status]).toEqual([path, 400]);
      expect(['invalid_key', 'duplicate_key']).toContain((answer.body as { code: string }).code);
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('is a role', async () => {
    for (const role of ['system', 'assistant', 'tool', 'user', 'developer']) {
      for (const body of [
        { content: 'x', role },
        { content: { role, content: 'x' } },
        { messages: [{ role, content: 'x' }] },
      ]) {
        const answer = await send(
          as(bob.user, { method: 'POST', path: `/api/v1/chat/${bob.conversation}`, body }),
        );
        expect(answer.status).toBe(400);
      }
    }
  });

  it('is a model that does not exist, or a path to something else at the provider', async () => {
    const calls = model.requests.length;
    for (const name of [
      '../v1/files',
      'x/../../admin',
      '..',
      'test-model\n',
      'test-model ',
      ' test-model',
      'TEST-MODEL',
      '',
      'a'.repeat(10_000),
      '?x=1',
      '__proto__',
      'constructor',
      'toString',
    ]) {
      const body = { content: 'x', model: name };
      const answer = await send(
        as(bob.user, { method: 'POST', path: `/api/v1/chat/${bob.conversation}`, body }),
      );
      expect([name, answer.status]).toEqual([name, 400]);
    }
    expect(model.requests.length).toBe(calls);
    expect(new Set(model.requests.map(({ url }) => url))).toEqual(new Set(['/v1/chat/completions']));
  });
});

describe('mixed parents', () => {
  it('do not lead into the conversation of another user', async () => {
    const before = [await databaseFingerprint(t), model.requests.length];
    const say = (path: string, body: object) =>
      send(as(bob.user, { method: 'POST', path: `/api/v1${path}`, body }));
    const answers = [
      await say(`/chat/${bob.conversation}`, { content: 'x', parent_id: alice.reply }),
      await say(`/chat/${bob.conversation}/stream`, { content: 'x', parent_id: alice.userMessage }),
      await say('/chat', { content: 'x', conversation_id: bob.conversation, parent_id: alice.reply }),
      await say('/chat', { content: 'x', parent_id: alice.reply }),
      await say(`/chat/${bob.conversation}`, { content: 'x', conversation_id: alice.conversation }),
      await say('/feedback', { message_id: alice.reply, rating: 1 }),
      await get(`/conversations/${bob.conversation}/messages`, { leaf: alice.reply }),
      await get(`/conversations/${alice.conversation}/messages`, { leaf: bob.reply }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 400, 404, 404, 404]);
    expect([await databaseFingerprint(t), model.requests.length]).toEqual(before);
  });

  it('do not lead into another conversation of the same user', async () => {
    const { body } = await send(as(bob.user, { method: 'POST', path: '/api/v1/conversations', body: {} }));
    const { id } = body as { id: string };
    const say = (message: object) =>
      send(as(bob.user, { method: 'POST', path: `/api/v1/chat/${id}`, body: message }));
    expect((await say({ content: 'x', parent_id: bob.reply })).status).toBe(404);
    expect((await get(`/conversations/${id}/messages`, { leaf: bob.reply })).status).toBe(404);
    const stream = { method: 'GET', path: `/api/v1/chat/${id}/stream` };
    for (const place of [
      { headers: { 'last-event-id': `${bob.reply}:1` } },
      { query: { after: `${bob.reply}:1` } },
    ] as Partial<Call>[]) {
      expect((await send(as(bob.user, { ...stream, ...place }))).status).toBe(400);
    }
  });

  it('do not make a reply of a user message', async () => {
    const before = await databaseFingerprint(t);
    const rate = {
      method: 'POST',
      path: '/api/v1/feedback',
      body: { message_id: bob.userMessage, rating: 1 },
    };
    expect((await send(as(bob.user, rate))).status).toBe(400);
    expect((await get(`/messages/${bob.userMessage}/stream`)).status).toBe(404);
    const say = {
      method: 'POST',
      path: `/api/v1/chat/${bob.conversation}`,
      body: { content: 'x', parent_id: bob.userMessage },
    };
    expect((await send(as(bob.user, say))).status).toBe(400);
    expect(await databaseFingerprint(t)).toEqual(before);
  });

  it('do not follow from a guess near an id', async () => {
    for (let i = -40; i <= 40; i += 1) {
      const near = (BigInt(`0x${alice.reply.replaceAll('-', '')}`) + BigInt(i))
        .toString(16)
        .padStart(32, '0');
      const id = near.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
      expect((await get(`/messages/${id}`)).status).toBe(404);
    }
  });
});

describe('cursors', () => {
  /** As anybody can make it who has read the source. */
  function forge(user: string, list: string, values: unknown[]): string {
    const payload = Buffer.from(JSON.stringify(values));
    const digest = createHash('sha256')
      .update(JSON.stringify([user, list]))
      .update(payload)
      .digest();
    return Buffer.concat([digest.subarray(0, 12), payload]).toString('base64url');
  }

  it('that are forged lead to nothing of another user', async () => {
    for (const place of [0, 1, -5, -(2 ** 31 - 1)]) {
      for (const leaf of [alice.reply, alice.userMessage]) {
        const cursor = forge(bob.user, `messages ${bob.conversation}`, [leaf, place]);
        for (const path of [
          `/conversations/${bob.conversation}/messages`,
          `/chat/${bob.conversation}/history`,
        ]) {
          const { text } = await get(path, { cursor });
          expect(text).not.toContain(alice.canary);
          expect(text).not.toContain(alice.conversation);
        }
      }
    }
  });

  it('that are forged do not upset the database', async () => {
    const lists: [string, string, unknown[][]][] = [
      [
        `/conversations/${bob.conversation}/messages`,
        `messages ${bob.conversation}`,
        [
          [bob.reply, 2 ** 53 - 1],
          [bob.reply, -(2 ** 53 - 1)],
          [bob.reply, 2 ** 31],
          [randomUUID(), 0],
          [bob.reply, 1.5],
          [null, 0],
          [[bob.reply], 0],
          [],
        ],
      ],
      [
        '/conversations',
        `conversations ${JSON.stringify({ archived: false })}`,
        [
          ['0000-01-01T00:00:00Z', bob.conversation],
          ['9999-12-31T23:59:59.999999Z', bob.conversation],
          ['2026-02-30T00:00:00Z', bob.conversation],
          ['2026-01-01T24:00:00Z', bob.conversation],
          ['infinity', bob.conversation],
          ['2026-01-01T00:00:00Z', "' OR 1=1--"],
          [{}, {}],
        ],
      ],
      [
        '/search?q=x',
        `search ${JSON.stringify(['x', {}])}`,
        [
          [2 ** 31, '2026-01-01T00:00:00Z', bob.reply, false, -1, '2026-01-01T00:00:00Z', bob.reply],
          [1, '0000-01-01T00:00:00Z', bob.reply, true, 2 ** 53 - 1, 'infinity', bob.reply],
          [1, '0000-01-01T00:00:00Z', bob.reply, true, 2 ** 53 - 1, '0000-01-01T00:00:00Z', bob.reply],
        ],
      ],
      [
        '/feedback',
        'feedback {}',
        [
          ['0000-01-01T00:00:00Z', bob.feedback],
          ['9999-12-31T23:59:59Z', bob.feedback],
          [1, 2],
        ],
      ],
    ];
    for (const [path, list, positions] of lists) {
      for (const values of positions) {
        const { status } = await get(path, { cursor: forge(bob.user, list, values) });
        expect([values, [200, 400].includes(status)]).toEqual([values, true]);
      }
    }
  });

  it('are refused with any change, and in any other list', async () => {
    const { body } = await get('/conversations', { limit: '1' });
    const cursor = (body as { next_cursor: string }).next_cursor;
    for (const [path, query] of [
      ['/feedback', {}],
      ['/conversations', { q: 'a' }],
      ['/conversations', { archived: 'true' }],
      [`/conversations/${bob.conversation}/messages`, {}],
    ] as [string, Record<string, string>][]) {
      expect((await get(path, { ...query, cursor })).status).toBe(400);
    }
    for (let i = 0; i < cursor.length; i += 3) {
      const changed = cursor.slice(0, i) + (cursor[i] === 'A' ? 'B' : 'A') + cursor.slice(i + 1);
      expect((await get('/conversations', { cursor: changed })).status).toBe(400);
    }
  });
});

describe('lists', () => {
  it('hold only what is theirs, whatever is asked for', async () => {
    const queries: Record<string, string>[] = [
      { user_id: alice.user },
      { 'filter[user_id]': alice.user },
      { 'filter[userId]': alice.user },
      { include: 'user' },
      { conversation_id: alice.conversation },
      { message_id: alice.reply },
      { archived: 'true' },
      { q: alice.canary },
      { limit: '100' },
    ];
    for (const path of [
      '/conversations',
      '/feedback',
      '/search?q=canary',
      `/conversations/${bob.conversation}/messages`,
      `/chat/${bob.conversation}/history`,
    ]) {
      for (const query of queries) {
        const { status, text } = await get(path, query);
        expect([200, 400]).toContain(status);
        expect(alice.traces.filter((trace) => text.includes(trace) && trace !== query.user_id)).toEqual([]);
      }
    }
  });

  it('have no counts and no headers that tell about others', async () => {
    const before = await get('/conversations', { limit: '1' });
    await newPerson(send);
    const after = await get('/conversations', { limit: '1' });
    const names = ({ headers }: Answer) => Object.keys(headers).sort();
    expect([after.text, names(after)]).toEqual([before.text, names(before)]);
    expect(names(after).filter((name) => /total|count|link/i.test(name))).toEqual([]);
  });
});

describe('what is deleted', () => {
  it('leaves no row of the conversation', async () => {
    const { body } = await get('/conversations', { limit: '100' });
    for (const { id } of (body as { data: { id: string }[] }).data) {
      expect(
        (await send(as(bob.user, { method: 'DELETE', path: `/api/v1/conversations/${id}` }))).status,
      ).toBe(204);
    }
    // These are not of a conversation, say only how much was used or found, or by ids for two hours what happened.
    const {
      stream_tickets: _tickets,
      providers: _providers,
      past_usage: _used,
      user_events: _told,
      user_event_heads: _heads,
      search_segments: _segments,
      ...rows
    } = await rowsOf(t, bob.user);
    expect(Object.values(rows).filter(Boolean)).toEqual([]);
    expect((await rowsOf(t, alice.user)).messages).toBe(4);
    for (const path of [
      `/messages/${bob.reply}`,
      `/messages/${bob.reply}/stream`,
      `/feedback/${bob.feedback}`,
      `/conversations/${bob.conversation}`,
    ]) {
      expect((await get(path)).status).toBe(404);
    }
  });
});
