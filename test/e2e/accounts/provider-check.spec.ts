import { randomBytes } from 'node:crypto';
import { PROVIDER_BOUNDS } from '../../../src/config/bounds';
import { type Person, signUp } from '../../support/accounts';
import { captureLogs } from '../../support/log-capture';
import { startModelServer } from '../../support/model-server';
import { failure, hang, html, reply, status } from '../../support/model-server/behaviours';
import type { Behaviour } from '../../support/model-server/exchange';
import { useChatApp } from '../../support/use-chat-app';

/*
 * `POST /providers/{id}/check` asks every model for a token, as a reply would, and says what is wrong.
 */

const KEY = 'sk-canary-of-alice-4711';

interface Result {
  model: string;
  ok: boolean;
  code: string;
  message: string;
  status: number | null;
  provider_code: string | null;
  provider_words: string | null;
  request_id: string | null;
  first_event_ms: number | null;
}

interface Check {
  ok: boolean;
  code: string;
  models: string[];
  results: Result[];
}

let alice: Person;

const logs = captureLogs('trace');
const t = useChatApp(
  {
    AUTH_MODE: 'token',
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    PROVIDER_ALLOWED_HOSTS: '127.0.0.1',
    RATE_LIMITS: 'on',
  },
  { own: 'reads its log, and has limits of its own', overrides: [logs.override] },
);
const { model: server } = t;
beforeAll(async () => {
  alice = await signUp(t.url, 'alice');
});
beforeEach(() => server.reset());

/** A provider that lists these models, and answers a question to each of them so. */
function provider(names: string[], answer: (model: string) => Behaviour, base = '/v1'): Behaviour {
  return (exchange) => {
    const { url, body } = exchange.request;
    if (url === `${base}/models`) return status(200, { data: names.map((id) => ({ id })) })(exchange);
    if (url === `${base}/chat/completions`) return answer(body.model)(exchange);
    return status(404, '404 page not found')(exchange);
  };
}

let made = 0;

async function create(fields: object = {}, person = alice): Promise<string> {
  const body = { name: `p${made++}`, base_url: server.url, api_key: KEY, models: ['gpt'], ...fields };
  const answer = await person.api.post<{ id: string }>('/providers', body);
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body.id;
}

async function check(fields: object = {}) {
  const id = await create(fields);
  const answer = await alice.api.post<Check>(`/providers/${id}/check`);
  expect([answer.status, answer.text.includes(KEY)]).toEqual([200, false]);
  await alice.api.delete(`/providers/${id}`);
  return answer.body;
}

it('models that answer are ok, and are asked as for a reply', async () => {
  server.otherwise(provider(['gpt', 'other'], () => reply('Yes?')));
  const { results, ...rest } = await check({ models: ['gpt', 'other'] });
  expect(rest).toEqual({ ok: true, code: 'ok', models: ['gpt', 'other'] });
  const verdict = {
    ok: true,
    code: 'ok',
    message: 'It answers.',
    status: null,
    provider_code: null,
    provider_words: null,
    request_id: null,
    first_event_ms: expect.any(Number),
  };
  expect(results).toEqual([
    { model: 'gpt', ...verdict },
    { model: 'other', ...verdict },
  ]);
  const asked = server.requests.filter(({ url }) => url === '/v1/chat/completions');
  expect(asked.map(({ body }) => body)).toMatchObject([
    { model: 'gpt', max_tokens: 16, stream: true, stream_options: { include_usage: true } },
    { model: 'other', max_tokens: 16 },
  ]);
  expect(asked[0].headers.authorization).toBe(`Bearer ${KEY}`);
});

it('a model that thinks for longer than it may speak is ok', async () => {
  server.otherwise(provider(['gpt'], () => reply('', { finish: 'length' })));
  expect((await check()).results).toMatchObject([{ ok: true }]);
});

it('what the provider says is shown to its owner, but for the key, and to no log with it', async () => {
  const refusal = { message: `Incorrect API key provided: ${KEY}.`, code: 'invalid_api_key' };
  server.otherwise(failure(401, refusal, { 'x-request-id': 'req_1' }));
  expect(await check()).toEqual({
    ok: false,
    code: 'auth_failed',
    models: [],
    results: [
      {
        model: 'gpt',
        ok: false,
        code: 'provider_auth_failed',
        message: expect.stringContaining('refuses the key'),
        status: 401,
        provider_code: 'invalid_api_key',
        provider_words: 'Incorrect API key provided: ***.',
        request_id: 'req_1',
        first_event_ms: null,
      },
    ],
  });
  expect(logs.lines.join('')).not.toContain(KEY);
});

it.each<[string, object, Behaviour, object]>([
  [
    'a name with a slip',
    { models: ['gpt-5-mni'] },
    provider(['gpt-5-mini', 'tts-1'], () => failure(404, { code: 'model_not_found' })),
    { code: 'provider_model_not_found', message: expect.stringMatching(/no model gpt-5-mni.*: gpt-5-mini$/) },
  ],
  [
    'no /v1',
    { base_url: 'ROOT' },
    provider(['gpt'], () => reply('Yes?')),
    {
      code: 'provider_bad_request',
      status: 404,
      message: expect.stringMatching(/lacks \/v1: use ROOT\/v1$/),
    },
  ],
  [
    'the endpoint twice',
    { base_url: 'ROOT/v1/chat/completions' },
    provider(['gpt'], () => reply('Yes?')),
    { message: expect.stringMatching(/ends with \/chat\/completions.*: use ROOT\/v1$/) },
  ],
  [
    'quotes around the key',
    { api_key: '"sk-canary"' },
    failure(401),
    { message: expect.stringContaining('quotes') },
  ],
  [
    'a page',
    {},
    html('<h1>internal banner</h1>'),
    { code: 'provider_invalid_response', provider_words: null },
  ],
  [
    'a refusal that is a page',
    {},
    status(500, 'internal banner'),
    { code: 'provider_unavailable', status: 500, provider_words: null },
  ],
  [
    'no money',
    {},
    failure(402, { code: 'insufficient_balance', message: 'Top up.' }),
    { message: expect.stringContaining('no credit'), provider_words: 'Top up.' },
  ],
])('says what is wrong: %s', async (_name, fields, behaviour, expected) => {
  server.otherwise(behaviour);
  const root = new URL(server.url).origin;
  const given = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === 'string' ? value.replace('ROOT', root) : value,
  ]);
  const { results } = await check(Object.fromEntries(given));
  const shown = JSON.parse(JSON.stringify(results).replaceAll(root, 'ROOT')) as Result[];
  expect(shown).toMatchObject([{ ok: false, ...expected }]);
  expect(JSON.stringify(shown)).not.toContain('banner');
});

it('says why a provider cannot be reached', async () => {
  const gone = await startModelServer();
  const { url } = gone;
  await gone.close();
  expect(await check({ base_url: url })).toMatchObject({
    code: 'unreachable',
    results: [
      {
        code: 'provider_unreachable',
        provider_code: 'ECONNREFUSED',
        message: expect.stringContaining('Nothing listens at 127.0.0.1'),
      },
    ],
  });
});

it('models that were found are asked as well, twenty at most and four at once', async () => {
  const names = Array.from({ length: 30 }, (_, index) => `m${index}`);
  let [running, most] = [0, 0];
  const slowly: Behaviour = async (exchange) => {
    most = Math.max(most, ++running);
    await exchange.sleep(30);
    running -= 1;
    await reply('Yes?')(exchange);
  };
  server.otherwise(provider(names, () => slowly));
  const { models, results } = await check({ models: undefined });
  expect(models).toEqual(names);
  expect(results.map(({ model }) => model)).toEqual(names.slice(0, PROVIDER_BOUNDS.checkedModels.limit));
  expect(results.every(({ ok }) => ok)).toBe(true);
  expect(most).toBe(PROVIDER_BOUNDS.checkedAtOnce.limit);
});

describe('takes a limited time', () => {
  const bounds: Record<'checkMs' | 'checksMs', { limit: number }> = PROVIDER_BOUNDS;
  const { checkMs, checksMs } = structuredClone(bounds);
  afterEach(() => {
    bounds.checkMs.limit = checkMs.limit;
    bounds.checksMs.limit = checksMs.limit;
  });

  it('for each model', async () => {
    bounds.checkMs.limit = 300;
    server.otherwise(provider(['gpt', 'mute'], (model) => (model === 'mute' ? hang() : reply('Yes?'))));
    const { results } = await check({ models: ['mute', 'gpt'] });
    expect(results).toMatchObject([
      { model: 'mute', code: 'provider_timeout', message: expect.stringContaining('loading') },
      { model: 'gpt', code: 'ok' },
    ]);
  });

  it('for all of them', async () => {
    bounds.checksMs.limit = 500;
    server.otherwise(provider([], () => hang()));
    const { results } = await check({ models: ['a', 'b', 'c', 'd', 'e', 'f'] });
    expect(results.map(({ code }) => code)).toEqual([
      ...Array.from({ length: 4 }, () => 'provider_timeout'),
      'not_checked',
      'not_checked',
    ]);
  });
});
