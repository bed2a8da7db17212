import { setTimeout as delay } from 'node:timers/promises';
import type { LlmConfig } from '../../src/config/app-config';
import type { ModelConfig } from '../../src/config/models-config';
import { DemoClient } from '../../src/llm/demo/demo-client';
import { LlmClients } from '../../src/llm/llm-clients';
import { ModelCatalogue } from '../../src/llm/model-catalogue';
import { ModelRunner, type RunRequest } from '../../src/llm/model-runner';
import { OpenAiClient } from '../../src/llm/openai/openai-client';
import type { ModelAttempt } from '../../src/llm/run/attempt';
import { CircuitBreakers } from '../../src/llm/run/circuit-breakers';
import { collected, testLimits, testModel, testProvider } from '../support/model-calls';
import {
  at,
  comment,
  data,
  commentsOnly,
  cutAfter,
  done,
  failure,
  finish,
  hang,
  pause,
  reasoning,
  reply,
  silence,
  status as answerWith,
  stream,
  text,
} from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { useModelServer } from '../support/use-model-server';

const server = useModelServer();
let openai: OpenAiClient;

beforeAll(() => {
  openai = new OpenAiClient(testLimits());
});

afterEach(() => server.reset());

afterAll(() => openai.close());

interface Setup {
  limits?: Partial<LlmConfig>;
  models?: Partial<ModelConfig>[];
  breakers?: CircuitBreakers;
}

function setUp({ limits, models = [{}], breakers = new CircuitBreakers() }: Setup = {}) {
  const providers = [testProvider(server.url), testProvider(server.url, { name: 'other' })];
  const config = testLimits({ providers, models: models.map(testModel), ...limits });
  const clients = new LlmClients(openai, new DemoClient(0));
  const runner = new ModelRunner(new ModelCatalogue(config), clients, breakers, config);
  return async (
    signal = new AbortController().signal,
    modelId = 'test-model',
    more: Partial<RunRequest> = {},
  ) => {
    const attempts: ModelAttempt[] = [];
    const messages = [{ role: 'user' as const, content: 'Hi' }];
    const request = { userId: 'alice', modelId, messages, settings: {}, ...more };
    const start = performance.now();
    const onAttempt = (attempt: ModelAttempt) => void attempts.push(attempt);
    const answer = await collected((take) => runner.runStep(request, signal, { onParts: take, onAttempt }));
    return {
      ...answer,
      attempts,
      outcomes: attempts.map(({ outcome }) => outcome),
      ms: performance.now() - start,
    };
  };
}

describe('an attempt', () => {
  it('is reported with its times', async () => {
    server.script(stream(pause(60), text('Hi'), pause(60), finish()));
    const { attempts } = await setUp()();
    expect(attempts).toEqual([
      {
        provider: 'test',
        model: 'test-model',
        try: 1,
        outcome: 'ok',
        started_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        first_byte_ms: expect.any(Number),
        status: 200,
        first_event_ms: expect.any(Number),
        duration_ms: expect.any(Number),
        finish_word: 'stop',
      },
    ]);
    expect(attempts[0].first_event_ms).toBeGreaterThanOrEqual(55);
    // No more than that: on a busy machine the first event is seen late, and the second one with it.
    expect(attempts[0].duration_ms).toBeGreaterThanOrEqual(Number(attempts[0].first_event_ms));
    expect(attempts[0].duration_ms).toBeGreaterThanOrEqual(110);
  });

  it('is reported before the end of the reply is given out', async () => {
    const attempts: ModelAttempt[] = [];
    const config = testLimits({ providers: [testProvider(server.url)], models: [testModel()] });
    const clients = new LlmClients(openai, new DemoClient(0));
    const runner = new ModelRunner(new ModelCatalogue(config), clients, new CircuitBreakers(), config);
    const request = { userId: 'alice', modelId: 'test-model', messages: [], settings: {} };
    const step = await runner.runStep(request, new AbortController().signal, {
      onParts: () => undefined,
      onAttempt: (one) => void attempts.push(one),
    });
    expect([step, attempts.length]).toMatchObject([{ reason: 'stop', toolCalls: [] }, 1]);
  });

  it('is made with the settings and messages of the request', async () => {
    await setUp()();
    expect(server.requests[0].body).toMatchObject({
      messages: [{ role: 'user', content: 'Hi' }],
      model: 'test-model-name',
    });
  });

  it('is not made at all for a model that does not exist', async () => {
    const { code, attempts } = await setUp()(undefined, 'nobody');
    expect({ code, attempts }).toEqual({ code: 'provider_model_not_found', attempts: [] });
    expect(server.requests).toHaveLength(0);
  });
});

describe('a retry', () => {
  const twice = { limits: { maxRetries: 2 } };

  it.each([429, 500, 502, 503, 529])('follows status %i before the first part', async (status) => {
    server.script(failure(status), failure(status), reply('third time lucky'));
    const { text: got, outcomes } = await setUp(twice)();
    expect(got).toBe('third time lucky');
    expect(outcomes).toHaveLength(3);
    expect(outcomes.at(-1)).toBe('ok');
  });

  it('is made at most so often', async () => {
    server.otherwise(failure(503));
    const { code, outcomes } = await setUp(twice)();
    expect(code).toBe('provider_unavailable');
    expect(outcomes).toEqual(Array(3).fill('provider_unavailable'));
    expect(server.requests).toHaveLength(3);
  });

  it.each([
    [400, {}, 'provider_bad_request'],
    [400, { code: 'context_length_exceeded' }, 'context_length_exceeded'],
    [400, { code: 'content_filter' }, 'content_filter'],
    [401, {}, 'provider_auth_failed'],
    [404, {}, 'provider_model_not_found'],
    [429, { code: 'insufficient_quota' }, 'provider_rate_limited'],
  ])('does not follow status %i with %j', async (status, error, code) => {
    server.script(failure(status, error));
    expect(await setUp(twice)()).toMatchObject({ code, outcomes: [code] });
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['an empty stream', stream()],
    ['a stream that only says hello', cutAfter(60, reply('never'))],
    ['a reset', (exchange: { reset(): void }) => exchange.reset()],
  ])('follows %s', async (_, behaviour) => {
    server.script(behaviour, reply('better'));
    expect(await setUp(twice)()).toMatchObject({ text: 'better', code: undefined });
  });

  it('never follows the first part', async () => {
    server.script(stream(text('Hel')), reply('again'));
    const { text: got, code, outcomes } = await setUp(twice)();
    expect({ got, code, outcomes }).toEqual({
      got: 'Hel',
      code: 'upstream_incomplete',
      outcomes: ['upstream_incomplete'],
    });
    expect(server.requests).toHaveLength(1);
  });

  it('waits as long as the provider asks', async () => {
    server.script(failure(429, {}, { 'retry-after-ms': '700' }), reply('ok'));
    const { ms } = await setUp(twice)();
    expect(ms).toBeGreaterThanOrEqual(690);
  });

  it('does not care for a wait that makes no sense', async () => {
    server.script(failure(429, {}, { 'retry-after': 'tomorrow' }), reply('ok'));
    expect(await setUp(twice)()).toMatchObject({ text: 'ok' });
  });

  it('is given up when the caller aborts', async () => {
    server.otherwise(failure(429, {}, { 'retry-after': '10' }));
    const reason = new Error('stop');
    const controller = new AbortController();
    const answer = setUp(twice)(controller.signal);
    await server.request(0);
    setTimeout(() => controller.abort(reason), 50);
    const { error, outcomes, ms } = await answer;
    expect(error).toBe(reason);
    expect(outcomes).toEqual(['provider_rate_limited']);
    expect(ms).toBeLessThan(9_000);
  });
});

describe('the watchdog', () => {
  it('ends a provider that does not answer', async () => {
    server.script(silence());
    const run = setUp({ limits: { firstEventTimeoutMs: 150, maxRetries: 2 } });
    expect(await run()).toMatchObject({ code: 'provider_timeout', outcomes: ['provider_timeout'] });
    expect(await server.requests[0].closed).toBe('aborted');
    expect(server.requests).toHaveLength(1);
  });

  it('ends a stream of headers and comments', async () => {
    server.script(commentsOnly(20));
    const { code, ms } = await setUp({ limits: { firstEventTimeoutMs: 200 } })();
    expect(code).toBe('provider_timeout');
    expect(ms).toBeLessThan(10_000);
    expect(await server.requests[0].closed).toBe('aborted');
  });

  it('ends a stream that hangs in the middle and keeps what came', async () => {
    server.script(stream(text('Hel'), hang()));
    const run = setUp({ limits: { idleTimeoutMs: 150 } });
    expect(await run()).toMatchObject({
      text: 'Hel',
      code: 'provider_timeout',
      error: { detail: { reason: 'idle' } },
    });
    expect(await server.requests[0].closed).toBe('aborted');
  });

  it('is not fed by comments or empty chunks', async () => {
    const noise = Array.from({ length: 40 }, () => [comment('keep-alive'), text(''), pause(25)]).flat();
    server.script(stream(text('Hel'), ...noise, text('lo'), finish()));
    expect(await setUp({ limits: { idleTimeoutMs: 300 } })()).toMatchObject({
      text: 'Hel',
      code: 'provider_timeout',
    });
  });

  it.each([
    ['pieces of a call', { tool_calls: [{ index: 0, function: { arguments: '{' } }] }],
    ['details of a thought', { reasoning_details: [{ type: 'reasoning.encrypted', data: 'x' }] }],
    ['a role', { role: 'assistant', content: '' }],
    ['a signature of a thought', { content: '', reasoning_opaque: 'c2ln' }],
  ])('is fed by %s, before the first word and behind it', async (_, delta) => {
    const signs = Array.from({ length: 8 }, () => [data({ choices: [{ delta }] }), pause(300)]).flat();
    server.script(stream(...signs, text('Yes'), ...signs, finish()));
    const limits = { firstEventTimeoutMs: 1_500, idleTimeoutMs: 1_500 };
    const { text: got, code, attempts } = await setUp({ limits })();
    expect([got, code]).toEqual(['Yes', undefined]);
    expect(attempts[0].first_event_ms).toBeGreaterThan(2_000);
  });

  it('waits longer for the first word of a model that thinks silently', async () => {
    const limits = { firstEventTimeoutMs: 150, maxRetries: 0 };
    for (const name of ['o3-mini', 'openai/gpt-5', 'gpt-5.2', 'gpt-5-pro', 'gemini-2.5-pro']) {
      server.script(stream(pause(1_000), text('Yes'), finish()));
      expect(await setUp({ limits, models: [{ name }] })()).toMatchObject({ text: 'Yes', code: undefined });
    }
    for (const name of ['gpt-5-chat-latest', 'gpt-4o', 'grok-4-fast-non-reasoning']) {
      server.script(stream(pause(1_000), text('Yes'), finish()));
      expect(await setUp({ limits, models: [{ name }] })()).toMatchObject({ code: 'provider_timeout' });
    }
  });

  it('is fed by reasoning', async () => {
    const thoughts = Array.from({ length: 8 }, () => [reasoning('hm '), pause(300)]).flat();
    server.script(stream(...thoughts, text('Yes'), finish()));
    expect(await setUp({ limits: { idleTimeoutMs: 1_500 } })()).toMatchObject({
      text: 'Yes',
      code: undefined,
    });
  });

  it('ends a reply that goes on for too long', async () => {
    server.script(stream(...Array.from({ length: 1_000 }, () => [text('x'), pause(20)]).flat(), finish()));
    const { text: got, code, ms } = await setUp({ limits: { totalTimeoutMs: 1_000 } })();
    expect({ code, some: got.length > 2 }).toEqual({ code: 'provider_timeout', some: true });
    expect(ms).toBeLessThan(15_000);
  });

  it('counts the time of all attempts together', async () => {
    server.otherwise(failure(503, {}, { 'retry-after': '10' }));
    const { code, ms } = await setUp({ limits: { totalTimeoutMs: 300, maxRetries: 5 } })();
    expect(code).toBe('provider_timeout');
    expect(ms).toBeLessThan(9_000);
  });

  it('does not blame the provider for a reader that takes its time', async () => {
    const config = testLimits({
      providers: [testProvider(server.url)],
      models: [testModel()],
      idleTimeoutMs: 100,
    });
    const clients = new LlmClients(openai, new DemoClient(0));
    const runner = new ModelRunner(new ModelCatalogue(config), clients, new CircuitBreakers(), config);
    server.script(stream(text('a'), pause(10), text('b'), finish()));
    const request = { userId: 'alice', modelId: 'test-model', messages: [], settings: {} };
    let got = '';
    await runner.runStep(request, new AbortController().signal, {
      onParts: async (parts) => {
        for (const part of parts) if (part.type === 'text') got += part.text;
        await delay(300);
      },
      onAttempt: () => undefined,
    });
    expect(got).toBe('ab');
  });

  it('has a provider’s own timeouts', async () => {
    const slow = testProvider(server.url, { firstEventTimeoutMs: 2000, idleTimeoutMs: 2000 });
    const limits = { firstEventTimeoutMs: 100, idleTimeoutMs: 100, providers: [slow] };
    server.script(stream(pause(250), text('a'), pause(250), text('b'), finish()));
    expect(await setUp({ limits })()).toMatchObject({ text: 'ab', code: undefined });
  });
});

describe('the length', () => {
  it('of a reply is limited, and what fits is kept', async () => {
    server.script(stream(reasoning('12'), text('3456'), text('🌍🌍🌍'), finish()));
    const { text: got, reasoning: thought, code, outcomes } = await setUp({ limits: { maxReplyChars: 9 } })();
    expect({ got, thought, code, outcomes }).toEqual({
      got: '3456🌍',
      thought: '12',
      code: 'max_output',
      outcomes: ['max_output'],
    });
  });

  it('ends an endless reply', async () => {
    server.script(async (exchange) => {
      for (;;) await exchange.chunk({ content: 'on and on ' });
    });
    const { text: got, code } = await setUp({ limits: { maxReplyChars: 10_000 } })();
    expect({ length: got.length, code }).toEqual({ length: 10_000, code: 'max_output' });
    expect(await server.requests[0].closed).toBe('aborted');
  });

  it('may be used up exactly', async () => {
    server.script(stream(text('12345'), finish()));
    expect(await setUp({ limits: { maxReplyChars: 5 } })()).toMatchObject({ text: '12345', code: undefined });
  });
});

describe('a model that is being loaded', () => {
  const loading = failure(503, { message: 'Loading model', type: 'unavailable_error' });

  it('is waited for, however often it must be asked', async () => {
    server.script(loading, loading, loading, loading, reply('Here.'));
    const limits = { maxRetries: 0, firstEventTimeoutMs: 30_000 };
    expect(await setUp({ limits })()).toMatchObject({ text: 'Here.', code: undefined });
  });

  it('is waited for where it says so inside of a stream', async () => {
    const inStream = stream(data({ error: { code: 1, message: 'Error code: 503: Loading model' } }), done());
    server.script(inStream, inStream, inStream, reply('Here.'));
    const limits = { maxRetries: 0, firstEventTimeoutMs: 30_000 };
    expect(await setUp({ limits })()).toMatchObject({ text: 'Here.', code: undefined });
  });

  it('is not waited for longer than for its first word', async () => {
    server.otherwise(loading);
    const { code, ms } = await setUp({ limits: { maxRetries: 0, firstEventTimeoutMs: 500 } })();
    expect(code).toBe('provider_unavailable');
    expect(ms).toBeLessThan(10_000);
  });
});

describe('a fallback', () => {
  const models = [
    { fallbacks: ['second', 'third'] },
    { id: 'second', name: 'two' },
    { id: 'third', name: 'three' },
  ];

  it.each([
    ['a code', failure(400, { code: 'content_filter' })],
    ['words', failure(400, { message: 'Content Exists Risk' })],
    [
      'the word of a classifier',
      failure(400, { message: 'The model has safety measures that flagged this message' }),
    ],
    [
      'reasons of safety',
      failure(400, { message: "We've limited access to this content for safety reasons" }),
    ],
    [
      'a wrapped refusal',
      failure(403, { message: 'Your chosen model requires moderation and your input was flagged' }),
    ],
  ])('is not asked what a filter has refused by %s', async (_, refusal) => {
    server.script(refusal, reply('from the second'));
    expect(await setUp({ models })()).toMatchObject({ text: '', code: 'content_filter' });
    expect(server.requests).toHaveLength(1);
  });

  it('answers when the model cannot', async () => {
    server.script(failure(404), failure(401), reply('from the third'));
    const { text: got, attempts } = await setUp({ models })();
    expect(got).toBe('from the third');
    expect(attempts.map(({ model, outcome }) => [model, outcome])).toEqual([
      ['test-model', 'provider_model_not_found'],
      ['second', 'provider_auth_failed'],
      ['third', 'ok'],
    ]);
    expect(server.requests.map(({ body }) => body.model)).toEqual(['test-model-name', 'two', 'three']);
  });

  it('is tried after the retries, and at once after a timeout', async () => {
    server.script(silence(), reply('second'));
    const run = setUp({ models, limits: { firstEventTimeoutMs: 150, maxRetries: 2 } });
    expect(await run()).toMatchObject({ text: 'second', outcomes: ['provider_timeout', 'ok'] });
  });

  it('leaves the failure of the model that was asked for if none can', async () => {
    server.script(failure(429), failure(404), failure(500));
    expect(await setUp({ models })()).toMatchObject({ code: 'provider_rate_limited', batches: [] });
  });

  it('is not asked for what a content filter refused', async () => {
    server.script(failure(400, { code: 'content_filter' }));
    expect(await setUp({ models })()).toMatchObject({ code: 'content_filter' });
    expect(server.requests).toHaveLength(1);
  });

  it('is not asked once the reply has begun', async () => {
    server.script(stream(text('Hel')));
    expect(await setUp({ models })()).toMatchObject({ text: 'Hel', code: 'upstream_incomplete' });
    expect(server.requests).toHaveLength(1);
  });

  it('does not follow its own fallbacks', async () => {
    const ring = [{ fallbacks: ['second'] }, { id: 'second', fallbacks: ['test-model'] }];
    server.otherwise(failure(404));
    expect((await setUp({ models: ring })()).attempts).toHaveLength(2);
  });
});

describe('the context', () => {
  const said = (...contents: string[]) =>
    contents.map((content, index) => ({
      role: index % 2 ? ('assistant' as const) : ('user' as const),
      content,
    }));
  const words = (count: number) => Array<string>(count).fill('word').join(' ');
  const sent = () =>
    server.requests.map(({ body }) => body.messages.map(({ content }) => content.slice(0, 5)));
  const signal = new AbortController().signal;
  /** Each has 50 words. */
  const messages = said(...['1', '2', '3', '4', '5'].map((number) => `${number}.   ${words(50)}`));
  const tooLong = (message: string) =>
    answerWith(400, { error: { message, code: 'context_length_exceeded' } });

  it('of a fallback is cut to its window', async () => {
    const models = [{ fallbacks: ['small'] }, { id: 'small', contextWindow: 300, maxOutputTokens: 100 }];
    server.script(failure(404), reply('Yes.'));
    expect(await setUp({ models })(signal, 'test-model', { messages })).toMatchObject({ text: 'Yes.' });
    expect(sent().map((contents) => contents.length)).toEqual([5, 3]);
  });

  it('of a fallback is cut to what the turn asks for as well', async () => {
    const models = [{ fallbacks: ['small'] }, { id: 'small', contextWindow: 300, maxOutputTokens: 200 }];
    server.script(failure(404), reply('Yes.'));
    await setUp({ models })(signal, 'test-model', { messages, settings: { max_output_tokens: 200 } });
    expect(sent()[1]).toEqual(['5.   ']);
  });

  it('of another script is cut by what it takes of an older vocabulary', async () => {
    const hindi = said(
      ...['1', '2', '3', '4', '5'].map((number) => `${number}. ${'रोटी दूध पनीर '.repeat(10)}`),
    );
    const window = { contextWindow: 500, maxOutputTokens: 100 };
    server.script(reply('Yes.'), reply('Yes.'));
    await setUp({ models: [window] })(signal, 'test-model', { messages: hindi });
    await setUp({ models: [{ ...window, vocabulary: 'other' }] })(signal, 'test-model', { messages: hindi });
    expect(sent().map((contents) => contents.length)).toEqual([5, 1]);
  });

  it.each([
    [
      "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
      3,
    ],
    ['prompt is too long: 210000 tokens > 120000 maximum', 1],
    ['The input token count (1,200,000) exceeds the maximum number of tokens allowed (1,048,576).', 3],
    ['the request exceeds the available context size, try increasing it', 1],
    ['Input is too long for requested model.', 1],
    [
      'Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 509178 tokens. Please reduce the length of the messages.',
      1,
    ],
    ['claude-sonnet-4-20250514: prompt is too long: 208310 tokens > 200000 maximum', 3],
    ['input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000', 3],
    ["This endpoint's maximum context length is 32768 tokens. However, you requested about 42832 tokens.", 3],
  ])('that a model refuses is cut further, and asked with once more: %s', async (message, length) => {
    server.script(tooLong(message), reply('Yes.'));
    const { text: got, outcomes } = await setUp()(signal, 'test-model', { messages });
    expect({ got, outcomes }).toEqual({ got: 'Yes.', outcomes: ['context_length_exceeded', 'ok'] });
    expect(sent().map((contents) => contents.length)).toEqual([5, length]);
    expect(sent()[1].at(-1)).toBe('5.   ');
  });

  it('that is refused again is given up', async () => {
    server.otherwise(tooLong('Input is too long for requested model.'));
    expect(await setUp()(signal, 'test-model', { messages })).toMatchObject({
      code: 'context_length_exceeded',
    });
    expect(server.requests).toHaveLength(2);
  });

  it('of which nothing can be left out is not asked with again', async () => {
    server.otherwise(tooLong('Input is too long for requested model.'));
    const system = { role: 'system' as const, content: 'Be kind.' };
    const request = { messages: [system, messages[0]] };
    expect(await setUp()(signal, 'test-model', request)).toMatchObject({ code: 'context_length_exceeded' });
    expect(server.requests).toHaveLength(1);
  });
});

describe('the circuit breaker', () => {
  const options = { threshold: 3, openMs: 200 };

  it('counts a turn once, however often it is tried', async () => {
    server.otherwise(failure(503));
    const run = setUp({ breakers: new CircuitBreakers(options), limits: { maxRetries: 2 } });
    for (let count = 0; count < 3; count++) expect((await run()).attempts).toHaveLength(3);
    expect((await run()).attempts).toEqual([]);
  });

  it('leaves other models of the provider alone', async () => {
    server.otherwise(failure(500));
    const models = [{}, { id: 'second', name: 'second' }];
    const run = setUp({ models, breakers: new CircuitBreakers(options) });
    for (let count = 0; count < 3; count++) await run();
    expect((await run()).attempts).toEqual([]);
    server.otherwise(reply('second'));
    expect(await run(undefined, 'second')).toMatchObject({ text: 'second' });
  });

  it('does not let one user, whose prompt makes the model fail, shut others out', async () => {
    const run = setUp({ breakers: new CircuitBreakers(options) });
    server.script(reply('Yes.'));
    await run(undefined, undefined, { userId: 'bob' });
    server.otherwise(failure(500));
    for (let count = 0; count < 6; count++) expect((await run()).attempts).toHaveLength(1);
    server.otherwise(reply('Yes.'));
    expect(await run(undefined, undefined, { userId: 'bob' })).toMatchObject({ text: 'Yes.' });
  });

  it('stops asking a provider that is down, lets one call through later, and closes again', async () => {
    server.otherwise(failure(503));
    const run = setUp({ breakers: new CircuitBreakers(options) });
    for (let count = 0; count < 3; count++) await run();
    const refused = await run();
    expect(refused).toMatchObject({ code: 'provider_unavailable', attempts: [], error: { retryable: true } });
    expect(server.requests).toHaveLength(3);

    await delay(250);
    const gate = hold();
    server.otherwise(stream(at(gate), text('back'), finish()));
    const probe = run();
    await server.request(3);
    expect(await run()).toMatchObject({ code: 'provider_unavailable', attempts: [] });
    gate.release();
    expect(await probe).toMatchObject({ text: 'back' });
    expect(await run()).toMatchObject({ text: 'back' });
  });

  it('is not waited for: the fallback is asked at once', async () => {
    server.script(failure(503), failure(503), failure(503)).otherwise(reply('second'));
    const models = [{ fallbacks: ['second'] }, { id: 'second', provider: 'other' }];
    const run = setUp({ models, breakers: new CircuitBreakers(options), limits: { maxRetries: 2 } });
    await run();
    const { text: got, outcomes } = await run();
    expect({ got, outcomes }).toEqual({ got: 'second', outcomes: ['ok'] });
  });

  it('lets another call through after one that was aborted', async () => {
    server.otherwise(failure(503));
    const run = setUp({ breakers: new CircuitBreakers(options) });
    for (let count = 0; count < 3; count++) await run();
    await delay(250);
    server.otherwise(silence());
    const controller = new AbortController();
    const probe = run(controller.signal);
    await server.request(3);
    controller.abort(new Error('stop'));
    expect(await probe).toMatchObject({ outcomes: ['aborted'] });
    server.otherwise(reply('back'));
    expect(await run()).toMatchObject({ text: 'back' });
  });
});

describe('an abort', () => {
  it('ends the reply with its reason and is reported', async () => {
    const gate = hold();
    server.script(reply(['Hel', gate, 'lo']));
    const controller = new AbortController();
    const answer = setUp()(controller.signal);
    await gate.reached;
    await delay(30);
    controller.abort('stopped');
    expect(await answer).toMatchObject({ text: 'Hel', error: 'stopped', outcomes: ['aborted'] });
    expect(await server.requests[0].closed).toBe('aborted');
  });

  it('before the start makes no attempt', async () => {
    expect(await setUp()(AbortSignal.abort('stopped'))).toMatchObject({ error: 'stopped', attempts: [] });
  });

  it('leaves no timers and no listeners behind', async () => {
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, 'addEventListener');
    const removed = vi.spyOn(signal, 'removeEventListener');
    await setUp()(signal);
    expect(added.mock.calls.length).toBeGreaterThan(0);
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
      added.mock.calls.map(([, listener]) => listener),
    );
  });
});
