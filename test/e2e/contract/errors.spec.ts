import type { Problem } from '../../support/api-client';
import { useChatApp } from '../../support/use-chat-app';

const UNKNOWN = '00000000-0000-7000-8000-000000000000';
let conversation: string;

const t = useChatApp({ HTTP_BODY_LIMIT: '64kb', CHAT_MAX_CONTENT_CHARS: '1000' });
const alice = t.client('alice');
beforeAll(async () => {
  conversation = (await alice.conversation()).id;
});

type Case = [name: string, status: number, code: string, method: string, path: string, body?: unknown];
const CASES: Case[] = [
  ['unknown fields', 400, 'validation_failed', 'POST', '/conversations', { user_id: 'bob' }],
  ['bad JSON', 400, 'invalid_json', 'POST', '/conversations', '{"title":'],
  ['a list instead of an object', 400, 'invalid_body', 'POST', '/conversations', '[]'],
  ['a missing body', 400, 'body_required', 'POST', '/conversations'],
  ['a NUL', 400, 'invalid_text', 'POST', '/conversations', '{"title":"\\u0000"}'],
  [
    'a number beyond all bounds',
    400,
    'invalid_number',
    'POST',
    '/conversations',
    '{"settings":{"seed":1e400}}',
  ],
  ['a bad limit', 400, 'validation_failed', 'GET', '/conversations?limit=0'],
  ['a bad cursor', 400, 'invalid_cursor', 'GET', '/conversations?cursor=x'],
  ['an unknown query', 400, 'validation_failed', 'GET', '/conversations?user_id=bob'],
  ['an unknown model', 400, 'model_not_found', 'POST', '/conversations', { model: 'x' }],
  ['a missing conversation', 404, 'conversation_not_found', 'GET', `/conversations/${UNKNOWN}`],
  ['a missing message', 404, 'message_not_found', 'GET', `/messages/${UNKNOWN}`],
  ['missing feedback', 404, 'feedback_not_found', 'GET', `/feedback/${UNKNOWN}`],
  ['a missing route', 404, 'route_not_found', 'GET', '/nothing'],
  ['a wrong method', 405, 'method_not_allowed', 'DELETE', '/conversations'],
  [
    'a body that is too large',
    413,
    'body_too_large',
    'POST',
    '/conversations',
    { title: 'x'.repeat(70_000) },
  ],
];

describe('a problem', () => {
  it.each(CASES.map((row) => ({ name: row[0], row })))('has one shape: $name', async ({ row }) => {
    const [, status, code, method, path, body] = row;
    const answer = await alice.call(method, path, body);
    expect([answer.status, answer.body.status, answer.body.code]).toEqual([status, status, code]);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({
      type: 'about:blank',
      title: expect.stringMatching(/^[A-Z][A-Za-z ]+$/),
      detail: expect.stringMatching(/^[A-Z].*\.$/),
      instance: `/api/v1${path.split('?')[0]}`,
      request_id: answer.headers.get('x-request-id'),
    });
    const allowed = ['type', 'title', 'status', 'code', 'detail', 'instance', 'request_id', 'errors'];
    expect(allowed).toEqual(expect.arrayContaining(Object.keys(answer.body)));
    expect(answer.text).not.toMatch(
      /node_modules|\.ts|\.js|SELECT|INSERT|select |at \/|Error:|typeorm|nest/i,
    );
  });

  it('of a stream route is the same as of any other, and no event', async () => {
    for (const path of [`/chat/${UNKNOWN}/stream`, `/messages/${UNKNOWN}/stream`]) {
      const { status, headers, body } = await alice.get(path, { accept: 'text/event-stream' });
      expect([status, body.status, headers.get('content-type')]).toEqual([
        404,
        404,
        'application/problem+json',
      ]);
    }
  });

  it('of validation names every field in plain words', async () => {
    const { body } = await alice.post('/conversations', {
      title: 5,
      settings: { temperature: 'hot', top_p: 2, stop: 'x', seed: 1.5, reasoning_effort: 'Wild!' },
      metadata: { a: 1 },
      nothing: 1,
    });
    expect(new Set(body.errors?.map(({ path }) => path))).toEqual(
      new Set([
        'title',
        'settings.temperature',
        'settings.top_p',
        'settings.stop',
        'settings.seed',
        'settings.reasoning_effort',
        'metadata',
        'nothing',
      ]),
    );
    for (const { message } of body.errors ?? []) {
      expect(message).toMatch(/^(must|is) /);
      expect(message).not.toMatch(/constraints|each value in|nested property/);
    }
  });

  it('of a text setting that is no object says so once', async () => {
    const { body } = await alice.post('/conversations', { settings: 'x' });
    expect(body.errors).toEqual([{ path: 'settings', message: 'must be an object' }]);
  });
});

describe('X-Request-Id', () => {
  it('is echoed, in problems and on streams too, and made where there is none', async () => {
    const mine = { 'x-request-id': 'mine-1' };
    expect((await alice.get('/conversations', mine)).headers.get('x-request-id')).toBe('mine-1');
    expect((await alice.get('/nothing', mine)).body.request_id).toBe('mine-1');
    const reader = await alice.stream((await alice.conversation()).id, 'Hi', mine);
    expect(reader.headers['x-request-id']).toBe('mine-1');
    await reader.done();
    expect((await alice.get('/models')).headers.get('x-request-id')).toMatch(/^req_/);
  });

  it('is replaced if it is odd', async () => {
    for (const odd of ['a b', '<x>', 'x'.repeat(200)]) {
      const { headers } = await alice.get('/models', { 'x-request-id': odd });
      expect(headers.get('x-request-id')).toMatch(/^req_/);
    }
  });
});

describe('a client never causes a 500', () => {
  /** Values of every kind, for every field. */
  const VALUES: unknown[] = [
    null,
    '',
    'x',
    ' ',
    0,
    -1,
    1.5,
    2 ** 53,
    1e300,
    true,
    [],
    {},
    [null],
    [[]],
    { a: null },
    { toString: 1 },
    'x'.repeat(5_000),
    "'; DROP TABLE x; --",
    ':name $1 %s',
    '\u202E',
    '9999-99-99',
    UNKNOWN,
  ];
  const PLACES: [method: string, path: () => string, fields: string[], rest: object][] = [
    ['POST', () => '/conversations', ['title', 'model', 'system_prompt', 'settings', 'metadata'], {}],
    [
      'PATCH',
      () => `/conversations/${conversation}`,
      ['title', 'model', 'system_prompt', 'settings', 'metadata', 'pinned', 'archived'],
      {},
    ],
    [
      'POST',
      () => `/chat/${conversation}`,
      ['content', 'message', 'model', 'settings', 'parent_id'],
      { content: 'x' },
    ],
    ['POST', () => '/chat', ['conversation_id', 'content', 'settings', 'parent_id'], { content: 'x' }],
    ['POST', () => '/feedback', ['message_id', 'rating', 'comment'], { message_id: UNKNOWN, rating: 1 }],
  ];

  it.each(PLACES)('by the fields of %s %s', async (method, path, fields, rest) => {
    const odd: [string, unknown, Problem][] = [];
    for (const field of fields) {
      for (const value of VALUES) {
        const { status, body, text } = await alice.call(method, path(), { ...rest, [field]: value });
        if (status >= 500) odd.push([field, value, body]);
        if (status >= 400) expect(body.code).toMatch(/^[a-z_]+$/);
        expect(text).not.toMatch(/QueryFailed|TypeError|class-validator/);
      }
    }
    expect(odd).toEqual([]);
  });

  it.each(['temperature', 'top_p', 'max_output_tokens', 'stop', 'seed', 'reasoning_effort'])(
    'by the setting %s',
    async (field) => {
      const odd: unknown[] = [];
      for (const value of VALUES) {
        const made = await alice.post('/conversations', { settings: { [field]: value } });
        const turn = await alice.post(`/chat/${conversation}`, {
          content: 'x',
          settings: { [field]: value },
        });
        if (made.status >= 500 || turn.status >= 500) odd.push(value);
      }
      expect(odd).toEqual([]);
    },
  );

  it.each(['limit', 'cursor', 'q', 'archived'])('by the query %s', async (name) => {
    const odd: unknown[] = [];
    for (const value of VALUES) {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      for (const path of ['/conversations', `/conversations/${conversation}/messages`, '/feedback']) {
        const { status } = await alice.get(`${path}?${name}=${encodeURIComponent(text)}`);
        if (status >= 500) odd.push([path, value]);
      }
    }
    expect(odd).toEqual([]);
  });
});
