import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiClient } from '../support/api-client';
import { createTestApp } from '../support/create-test-app';
import { captureLogs } from '../support/log-capture';
import {
  data,
  failure,
  html,
  reply,
  reset,
  silence,
  status,
  stream,
  text,
} from '../support/model-server/behaviours';
import type { Behaviour } from '../support/model-server/exchange';
import { useChatApp } from '../support/use-chat-app';

const KEY = 'sk-providerkey0123456789';
const PROMPT = 'The canary "sings" of\nprivate matters';

type Line = Record<string, unknown>;

const logs = captureLogs('info');
const t = useChatApp(
  {
    OPENAI_API_KEY: KEY,
    LLM_MAX_RETRIES: '1',
    LLM_FIRST_EVENT_TIMEOUT_MS: '1000',
    LLM_MAX_REPLY_CHARS: '50',
  },
  { own: 'reads its log', overrides: [logs.override] },
);
const { model } = t;
const alice = t.client('alice');
// A reply in between, so that no failures in a row have the provider left alone.
beforeEach(async () => {
  model.reset();
  await alice.say((await alice.conversation()).id, 'Are you there?');
  model.reset();
  logs.lines.length = 0;
});

const linesOf = (msg: string) =>
  logs.lines.map((line) => JSON.parse(line) as Line).filter((line) => line.msg === msg);

/** A turn in which the model behaves so: what is logged of it, and the attempts as its owner sees them. */
async function failedTurn(...behaviours: Behaviour[]) {
  model.script(...behaviours);
  const { id } = await alice.conversation({ system_prompt: 'You are a discreet canary keeper.' });
  const reader = await (await alice.stream(id, PROMPT, { 'x-request-id': 'ours' })).done();
  const { message_id: messageId } = reader.events[0].data as { message_id: string };
  const message = await alice.get<{ attempts: Line[] }>(`/messages/${messageId}`);
  return { attempts: message.body.attempts, text: message.text, messageId };
}

describe('a provider that refuses', () => {
  const refusal = {
    message: `Incorrect API key provided: ${KEY}. You said ${JSON.stringify(PROMPT)}, being a discreet canary keeper. Pay first.`,
    code: 'insufficient_quota',
  };

  it('is told on one line of the log, with its words but for secrets and what the request says', async () => {
    const { messageId } = await failedTurn(failure(402, refusal, { 'x-request-id': 'req_theirs_1' }));
    expect(linesOf('A model call failed')).toEqual([
      {
        level: 40,
        time: expect.any(Number),
        pid: process.pid,
        version: expect.any(String),
        instance_id: expect.any(String),
        context: 'ReplyProducer',
        request_id: 'ours',
        message_id: messageId,
        msg: 'A model call failed',
        code: 'provider_rate_limited',
        provider: 'openai',
        model: 'test-model',
        try: 1,
        started_at: expect.any(String),
        first_byte_ms: expect.any(Number),
        first_event_ms: null,
        duration_ms: expect.any(Number),
        status: 402,
        provider_code: 'insufficient_quota',
        provider_request_id: 'req_theirs_1',
        url: `${model.url}/chat/completions`,
        provider_words: 'Incorrect API key provided: ***. You said "***", being*** Pay first.',
      },
    ]);
    expect(linesOf('reply')).toMatchObject([
      { message_id: messageId, provider: 'openai', model: 'test-model', error: 'provider_rate_limited' },
    ]);
    for (const secret of [KEY, 'canary', 'private']) expect(logs.lines.join('')).not.toContain(secret);
  });

  it('is told with the attempt, but not in its own words', async () => {
    const { attempts, text: shown } = await failedTurn(
      failure(402, refusal, { 'x-request-id': 'req_theirs_1' }),
    );
    expect(attempts).toEqual([
      {
        provider: 'openai',
        model: 'test-model',
        try: 1,
        outcome: 'provider_rate_limited',
        started_at: expect.any(String),
        first_byte_ms: expect.any(Number),
        first_event_ms: null,
        duration_ms: expect.any(Number),
        status: 402,
        provider_code: 'insufficient_quota',
        request_id: 'req_theirs_1',
      },
    ]);
    expect(shown).not.toContain('Pay first');
  });

  it('has a line and a number for each try, and none for the one that it answers', async () => {
    const { attempts } = await failedTurn(failure(500, {}, { 'cf-ray': '8a1b-FRA' }), reply('Here.'));
    expect(attempts).toMatchObject([
      { try: 1, status: 500, request_id: '8a1b-FRA', outcome: 'provider_unavailable' },
      { try: 2, status: 200, outcome: 'ok', first_byte_ms: expect.any(Number) },
    ]);
    expect(linesOf('A model call failed')).toMatchObject([{ try: 1, status: 500 }]);
    expect(linesOf('reply')).toMatchObject([{ level: 30, attempts: 2 }]);
  });

  it('cannot put what the request says, or its key, in the place of a code or an id', async () => {
    const said = 'my.private.canary';
    model.script(failure(400, { code: said, message: 'No.' }, { 'x-request-id': said }));
    model.script(failure(400, { code: KEY, message: 'No.' }, { 'x-request-id': KEY }));
    for (let turns = 0; turns < 2; turns += 1) {
      const { id } = await alice.conversation();
      await (await alice.stream(id, `Do you know ${said}?`)).done();
      const { body } = await alice.get<{ data: { id: string }[] }>(`/conversations/${id}/messages`);
      const { text: shown } = await alice.get(`/messages/${body.data.at(-1)?.id}`);
      expect(shown).toContain('"status":400');
      expect(shown).not.toMatch(new RegExp(`"(provider_code|request_id)":"(${said}|${KEY})"`));
    }
    expect(linesOf('A model call failed')).toMatchObject([
      { provider_words: 'No.' },
      { provider_words: 'No.' },
    ]);
    for (const secret of [KEY, said]) expect(logs.lines.join('')).not.toContain(secret);
  });
});

describe('other failures', () => {
  const stopped =
    (ms = 50): Behaviour =>
    (exchange) =>
      exchange.sleep(ms);

  it.each<[string, Behaviour[], object]>([
    ['silence', [silence()], { code: 'provider_timeout', url: expect.any(String) }],
    [
      'an error in a stream',
      [stream(data({ error: { message: 'GPU on fire', code: 'engine_fault', request_id: 'r7' } }))].flatMap(
        (one) => [one, one],
      ),
      {
        status: 200,
        provider_code: 'engine_fault',
        provider_request_id: 'r7',
        provider_words: 'GPU on fire',
      },
    ],
    ['a page', [html()], { code: 'provider_invalid_response', status: 200, provider_code: 'not_json' }],
    [
      'plain text',
      [status(404, '404 page not found')],
      { status: 404, provider_words: '404 page not found', code: 'provider_bad_request' },
    ],
    ['no body', [status(403)], { status: 403, code: 'provider_auth_failed' }],
    [
      'a broken connection',
      [reset(), reset()],
      { code: 'provider_unreachable', provider_code: 'ECONNRESET' },
    ],
    [
      'a reply that is too long',
      [stream(stopped(), text('x'.repeat(60)))],
      { code: 'max_output', status: 200 },
    ],
  ])('are told, too: %s', async (_name, behaviours, expected) => {
    const { attempts } = await failedTurn(...behaviours);
    const line = linesOf('A model call failed').at(-1);
    expect(line).toMatchObject({
      provider: 'openai',
      model: 'test-model',
      try: behaviours.length,
      ...expected,
    });
    expect(line).not.toHaveProperty('err');
    expect(attempts).toHaveLength(behaviours.length);
    expect(attempts.at(-1)).not.toHaveProperty('provider_words');
  });

  it('a provider that cannot be reached', async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const env = { ...model.env, OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`, LLM_MAX_RETRIES: '0' };
    const app = await createTestApp({ env });
    const client = ApiClient.of(app.url, 'alice');
    await (await client.stream((await client.conversation()).id, 'Hi')).done();
    await app.close();
    // What a process logs goes where its first application logs.
    expect(linesOf('A model call failed')).toMatchObject([
      {
        code: 'provider_unreachable',
        provider_code: 'ECONNREFUSED',
        url: `http://127.0.0.1:${port}/v1/chat/completions`,
      },
    ]);
  });
});
