import { once } from 'node:events';
import type { Transform } from 'node:stream';
import { finished } from 'node:stream/promises';
import {
  createBrotliCompress,
  createDeflate,
  createDeflateRaw,
  createGzip,
  createZstdCompress,
  gzipSync,
  type Zlib,
} from 'node:zlib';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { OpenAiClient } from '../../src/llm/openai/openai-client';
import { call, testLimits, testProvider, testRequest } from '../support/model-calls';
import {
  cutAfter,
  comment,
  data,
  done,
  failure,
  finish,
  fixture,
  fixturePath,
  hang,
  lineEnds,
  pause,
  raw,
  reasoning,
  reply,
  stream,
  text,
  trickle,
  usage,
} from '../support/model-server/behaviours';
import type { Behaviour } from '../support/model-server/exchange';
import { SLACK_MS } from '../support/slack';
import { useModelServer } from '../support/use-model-server';

const server = useModelServer();
let client: OpenAiClient;

beforeAll(() => {
  client = new OpenAiClient(testLimits());
});

afterEach(() => server.reset());

afterAll(() => client.close());

function answer(behaviour: Behaviour) {
  server.script(behaviour);
  return call(client, testRequest(testProvider(server.url)));
}

const STOP = { reason: 'stop', word: 'stop' };

describe('the end of a stream', () => {
  it('needs no [DONE]', async () => {
    expect(await answer(stream(text('Hi'), finish()))).toMatchObject({
      text: 'Hi',
      finish: STOP,
      code: undefined,
    });
  });

  it('is [DONE] even if the connection stays open', async () => {
    const start = performance.now();
    expect(await answer(stream(text('Hi'), finish(), usage(1, 2), done(), hang()))).toMatchObject({
      text: 'Hi',
      finish: { usage: { input_tokens: 1, output_tokens: 2 } },
    });
    expect(performance.now() - start).toBeLessThan(1_000 + SLACK_MS);
    expect(await server.requests[0].closed).toBe('aborted');
  });

  it('is [DONE] even if more follows', async () => {
    const more = stream(
      text('Hi'),
      finish(),
      done(),
      text(' and more'),
      data({ error: { code: 500 } }),
      finish('length'),
    );
    expect(await answer(more)).toMatchObject({ text: 'Hi', finish: STOP });
  });

  it('is the finish reason, after a moment, if neither [DONE] nor the end follows', async () => {
    expect(await answer(stream(text('Hi'), finish(), usage(1, 2), hang()))).toMatchObject({
      text: 'Hi',
      finish: STOP,
    });
    expect(await server.requests[0].closed).toBe('aborted');
  });

  it('is the finish reason if the connection breaks after it', async () => {
    const broken = stream(text('Hi'), finish(), pause(20), (exchange) => exchange.reset());
    expect(await answer(broken)).toMatchObject({ text: 'Hi', finish: STOP });
  });

  it('is not complete without a finish reason and [DONE]', async () => {
    const { text: shown, code, finish: last } = await answer(stream(text('Hi')));
    expect({ shown, code, last }).toEqual({ shown: 'Hi', code: 'upstream_incomplete', last: undefined });
  });

  it('is [DONE] without a finish reason, where something was said, and then it is assumed', async () => {
    expect(await answer(stream(text('Hi'), done()))).toMatchObject({
      text: 'Hi',
      finish: { reason: 'stop', word: null },
    });
    const thought = stream((exchange) => exchange.chunk({ reasoning_content: 'Hm' }), done());
    expect(await answer(thought)).toMatchObject({ code: 'upstream_incomplete' });
  });

  const chunkWith = (content: string, word: unknown, name = 'finish_reason') =>
    data({ choices: [{ index: 0, delta: { content }, [name]: word }] });

  it('is not a finish reason behind which the reply goes on, be it seconds later', async () => {
    const everywhere = stream(
      chunkWith('One ', 'stop'),
      pause(2_500),
      chunkWith('two ', 'stop'),
      chunkWith('three', 'stop'),
      done(),
    );
    expect(await answer(everywhere)).toMatchObject({
      text: 'One two three',
      finish: { reason: 'stop', word: 'stop' },
    });
    // The connection ends where the last word was taken back.
    expect(await answer(stream(chunkWith('One ', 'stop'), chunkWith('two', null)))).toMatchObject({
      text: 'One two',
      code: 'upstream_incomplete',
    });
    expect(await answer(stream(chunkWith('One ', 'length'), chunkWith('two', null), done()))).toMatchObject({
      text: 'One two',
      finish: { reason: 'length' },
    });
  });

  it('is not a finish reason that stands beside each piece of the thought', async () => {
    const thought = (reasoning_content: string) =>
      data({ choices: [{ index: 0, delta: { reasoning_content }, finish_reason: 'stop' }] });
    const everywhere = stream(
      thought('Hm '),
      pause(2_200),
      thought('so.'),
      chunkWith('Yes', 'stop'),
      chunkWith('.', 'stop'),
      done(),
    );
    expect(await answer(everywhere)).toMatchObject({ reasoning: 'Hm so.', text: 'Yes.', finish: STOP });
  });

  const COUNTS = { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 };
  const stopped = { index: 0, delta: { role: 'assistant', content: null }, finish_reason: 'stop' };

  it.each<[string, unknown[]]>([
    [
      'behind it with a choice that says nothing (Azure, LiteLLM)',
      [{ choices: [stopped] }, { choices: [{ index: 0, delta: {} }], usage: COUNTS }],
    ],
    ['beside it with a role', [{ choices: [stopped], usage: COUNTS }]],
    ['behind it alone', [{ choices: [stopped] }, { choices: [], usage: COUNTS }]],
    [
      'in each chunk, null before',
      [
        { choices: [{ index: 0, delta: { content: '' }, finish_reason: null }], usage: null },
        { choices: [stopped], usage: null },
        { choices: [], usage: COUNTS },
      ],
    ],
  ])('has the usage that comes %s', async (_, chunks) => {
    expect(await answer(stream(text('Hi'), ...chunks.map(data), done()))).toMatchObject({
      text: 'Hi',
      finish: { reason: 'stop', usage: { input_tokens: 12, output_tokens: 7 } },
    });
  });

  it.each(['', 'null', null])('is assumed at [DONE] where each chunk says %j', async (word) => {
    expect(await answer(stream(chunkWith('One ', word), chunkWith('two', word), done()))).toMatchObject({
      text: 'One two',
      finish: { reason: 'stop', word: null },
    });
  });

  it('is the word in camel case where the other is null (Gemini)', async () => {
    const both = data({
      choices: [{ index: 0, delta: { content: '' }, finish_reason: null, finishReason: 'stop' }],
    });
    expect(await answer(stream(text('Hi'), both, done()))).toMatchObject({ text: 'Hi', finish: STOP });
  });

  it('waits for usage that comes late, whatever keeps the connection alive', async () => {
    const late = stream(
      text('Hi'),
      finish(),
      raw(': ping\n\n'),
      pause(3_000),
      raw(': ping\n\n'),
      usage(3, 4),
      hang(),
    );
    expect(await answer(late)).toMatchObject({
      text: 'Hi',
      finish: { usage: { input_tokens: 3, output_tokens: 4 } },
    });
  });

  it('does not wait for ever for a provider that only keeps the connection alive', async () => {
    const pings = Array.from({ length: 30 }, () => [pause(500), raw(': ping\n\n')]).flat();
    const start = performance.now();
    expect(await answer(stream(text('Hi'), finish(), usage(1, 2), ...pings, hang()))).toMatchObject({
      text: 'Hi',
      finish: STOP,
    });
    expect(performance.now() - start).toBeLessThan(12_000);
  });

  it.each(['null', 'None', '', 'FINISH_REASON_UNSPECIFIED'])('is not the word %j', async (word) => {
    const unsaid = stream(chunkWith('One ', word), pause(50), chunkWith('two', word), finish(), done());
    expect(await answer(unsaid)).toMatchObject({ text: 'One two', finish: STOP });
    expect(await answer(stream(chunkWith('One', word)))).toMatchObject({ code: 'upstream_incomplete' });
  });

  it.each([
    ['MAX_TOKENS', 'length'],
    ['max-output-tokens', 'length'],
    ['model_length', 'length'],
    ['STOP', 'stop'],
    ['end_turn', 'stop'],
    ['eos_token', 'stop'],
    ['SAFETY', 'content_filter'],
    ['content_filtered', 'content_filter'],
    ['LANGUAGE', 'content_filter'],
    ['MODEL_ARMOR', 'content_filter'],
    ['refusal', 'content_filter'],
    ['model_context_window_exceeded', 'length'],
    ['OTHER', 'other'],
    ['something new', 'other'],
  ])('is %j, which means %s', async (word, reason) => {
    for (const name of ['finish_reason', 'finishReason'])
      expect(await answer(stream(text('Hi'), chunkWith('', word, name), done()))).toMatchObject({
        text: 'Hi',
        finish: { reason, word },
      });
  });

  it.each([
    ['error', 'provider_unavailable'],
    ['abort', 'provider_unavailable'],
    ['NETWORK_ERROR', 'provider_unavailable'],
    ['timeout', 'provider_timeout'],
    ['insufficient_system_resource', 'provider_overloaded'],
    ['MALFORMED_FUNCTION_CALL', 'unexpected_tool_call'],
    ['TOO_MANY_TOOL_CALLS', 'unexpected_tool_call'],
    ['MALFORMED_RESPONSE', 'provider_unavailable'],
  ])('is a failure by the word %j, after which the text stays', async (word, code) => {
    expect(await answer(stream(text('Hi'), usage(3, 1), chunkWith('', word), done()))).toMatchObject({
      text: 'Hi',
      code,
      error: { usage: { input_tokens: 3, output_tokens: 1 } },
    });
  });

  const words = (finish_reason: string, native_finish_reason: unknown) =>
    data({ choices: [{ index: 0, delta: { content: '' }, finish_reason, native_finish_reason }] });

  it.each([
    ['stop', 'network_error', 'provider_unavailable'],
    ['stop', 'MALFORMED_FUNCTION_CALL', 'unexpected_tool_call'],
    ['error', 'stop', 'provider_unavailable'],
  ])('is a failure by the word %j with the word %j of who was behind it', async (word, native, code) => {
    expect(await answer(stream(text('Hi'), words(word, native), done()))).toMatchObject({ text: 'Hi', code });
  });

  it.each([
    ['stop', 'MAX_TOKENS', 'length', 'MAX_TOKENS'],
    ['stop', 'refusal', 'content_filter', 'refusal'],
    ['stop', 'completed', 'stop', 'stop'],
    ['stop', 'something new', 'stop', 'stop'],
    ['stop', null, 'stop', 'stop'],
    ['stop', 7, 'stop', 'stop'],
    ['length', 'STOP', 'length', 'length'],
    ['content_filter', 'refusal', 'content_filter', 'content_filter'],
  ])('is %j with the word %j of who was behind it, which means %s', async (said, native, reason, word) => {
    expect(await answer(stream(text('Hi'), words(said, native), done()))).toMatchObject({
      text: 'Hi',
      finish: { reason, word },
    });
  });

  it('with no text before it is a failure, not an empty reply', async () => {
    expect(await answer(stream(words('stop', 'network_error'), done()))).toMatchObject({
      code: 'provider_unavailable',
    });
  });

  it.each<[string, unknown[], object | null]>([
    [
      'the names of another API (mlx-vlm)',
      [{ input_tokens: 11, output_tokens: 5, total_tokens: 16, prompt_tps: 21.55 }],
      { input_tokens: 11, output_tokens: 5 },
    ],
    [
      'zeros until the end',
      [
        { prompt_tokens: 0, completion_tokens: 0 },
        { prompt_tokens: null, completion_tokens: null },
        { prompt_tokens: 12, completion_tokens: 7 },
      ],
      { input_tokens: 12, output_tokens: 7 },
    ],
    ['no count of the answer (Gemini)', [{ prompt_tokens: 8, total_tokens: 8 }], null],
    ['an input of zero', [{ prompt_tokens: 0, completion_tokens: 9 }], null],
    [
      'zeros at the end',
      [
        { prompt_tokens: 5, completion_tokens: 7 },
        { prompt_tokens: 0, completion_tokens: 0 },
      ],
      { input_tokens: 5, output_tokens: 7 },
    ],
    [
      'an output of zero at the end',
      [
        { prompt_tokens: 5, completion_tokens: 7 },
        { prompt_tokens: 5, completion_tokens: 0 },
      ],
      { input_tokens: 5, output_tokens: 7 },
    ],
    ['nothing but zeros', [{ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }], null],
    [
      'zeros first',
      [
        { prompt_tokens: 0, completion_tokens: 0 },
        { prompt_tokens: 5, completion_tokens: 7 },
      ],
      { input_tokens: 5, output_tokens: 7 },
    ],
    [
      'numbers in strings',
      [{ prompt_tokens: '5', completion_tokens: '7' }],
      { input_tokens: 5, output_tokens: 7 },
    ],
    ['one of two and a sum', [{ prompt_tokens: 5, total_tokens: 12 }], { input_tokens: 5, output_tokens: 7 }],
    [
      'the other and a sum in strings',
      [{ completion_tokens: '7', total_tokens: '12' }],
      { input_tokens: 5, output_tokens: 7 },
    ],
    ['one of two', [{ prompt_tokens: 5 }], null],
  ])('has usage with %s', async (_, counts, expected) => {
    const counted = stream(
      text('Hi'),
      finish(),
      ...counts.map((each) => data({ choices: [], usage: each })),
      done(),
    );
    const { finish: last } = await answer(counted);
    if (expected) expect(last?.usage).toMatchObject(expected);
    else expect(last?.usage).toBeNull();
  });

  it.each([
    ['nothing', stream()],
    ['only [DONE]', stream(done())],
    ['only usage', stream(usage(1, 0), done())],
    ['words that mean none', stream(chunkWith('', ''), chunkWith('', 'null'), done())],
    ['only a role', stream((exchange) => exchange.chunk({ role: 'assistant', content: '' }), done())],
    ['a stop without a word', stream(finish(), done())],
  ])('is a failure after %s', async (_, behaviour) => {
    expect(await answer(behaviour)).toMatchObject({ code: 'upstream_empty', batches: [] });
  });

  it('may have usage in any place: the last one counts', async () => {
    const counted = stream(usage(1, 1), text('Hi'), usage(1, 2), finish(), usage(1, 3), usage(1, 3), done());
    expect((await answer(counted)).finish?.usage).toMatchObject({ input_tokens: 1, output_tokens: 3 });
  });
});

describe('a cut', () => {
  const bytes = readFileSync(fixturePath('openai.sse'));
  const full = 'Hello – wörld 🌍';
  // Everywhere would take a minute; every place that is special is near one of these.
  const places = [...Array(bytes.length).keys()].filter(
    (at) => at % 13 === 0 || bytes[at] > 127 || bytes[at] === 10,
  );

  it.each(['reset', 'drop', 'end'] as const)(
    'by %s anywhere leaves a clean beginning',
    async (how) => {
      for (const place of places) {
        const { text: shown, code, finish: last } = await answer(cutAfter(place, fixture('openai.sse'), how));
        expect(full.startsWith(shown)).toBe(true);
        expect(shown).not.toContain('\uFFFD');
        if (last) expect(shown).toBe(full);
        else expect(code).toBe(shown ? 'upstream_incomplete' : 'upstream_empty');
      }
    },
    60_000,
  );
});

it('keeps what was held back for a tag when the connection breaks', async () => {
  server.script(stream(text('<think>a</th'), pause(30), (exchange) => exchange.reset()));
  const cut = await call(client, testRequest(testProvider(server.url), { thinkTags: true }));
  expect(cut).toMatchObject({ reasoning: 'a</th', text: '', code: 'upstream_incomplete' });
});

describe('the same text arrives', () => {
  const content = 'Ünïcödé 🌍 "quotes" \\ and\nlines';

  it.each([
    ['with CR LF', lineEnds('\r\n', reply([content]))],
    ['with carriage returns', lineEnds('\r', reply([content]))],
    ['byte by byte', trickle(reply([content]))],
    ['byte by byte with CR LF', trickle(lineEnds('\r\n', reply([content])))],
    ['after a byte order mark', stream(raw('\uFEFF'), text(content), finish(), done())],
    [
      'with comments between',
      stream(raw(':\n\n'), text(content), raw(': ping\n'), finish(), raw(':x\n\n'), done()),
    ],
    ['without a space after data:', stream(raw(`data:${chunk(content)}\n\n`), finish(), done())],
    [
      'over several lines of data',
      stream(raw(`data: ${chunk(content).replace(',', '\ndata: ,')}\n\n`), finish(), done()),
    ],
    ['without a last blank line', stream(text(content), raw(`data: ${chunk('', 'stop')}`))],
    [
      'with other fields',
      stream(raw(`id: 7\nretry: 1\nevent: message\ndata: ${chunk(content)}\n\n`), finish(), done()),
    ],
  ])('%s', async (_, behaviour) => {
    expect(await answer(behaviour)).toMatchObject({
      text: content,
      finish: { reason: 'stop' },
      code: undefined,
    });
  });

  it('however the network cuts the bytes', async () => {
    const bytes = readFileSync(fixturePath('minimax-think.sse'));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 8 }), async (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const pieces = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        server.script(stream(...pieces.flatMap((piece) => [raw(piece), pause(1)])));
        const got = await call(client, testRequest(testProvider(server.url), { thinkTags: true }));
        expect(got).toMatchObject({ reasoning: 'The user says a < b.', text: 'Right, <think> is a tag.' });
      }),
      { numRuns: 40 },
    );
  });
});

describe('what makes no sense', () => {
  const sane = [text('a'), text('b'), finish(), done()] as const;

  it.each([
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '7'],
    ['an empty event', ''],
    ['empty choices', { choices: [] }],
    ['null choices', { choices: null }],
    ['no delta', { choices: [{ index: 0 }] }],
    ['a null delta', { choices: [{ delta: null }] }],
    ['content that is a number', { choices: [{ delta: { content: 5 } }] }],
    ['a prototype', '{"__proto__":{"x":1},"choices":[{"delta":{"__proto__":{"content":"evil"}}}]}'],
    ['unknown fields', { surprise: { deep: [1] }, choices: [{ delta: { surprise: true } }] }],
    [
      'a tool call without index',
      { choices: [{ delta: { tool_calls: [{ id: '', function: { name: null } }] } }] },
    ],
    ['logprobs', { choices: [{ delta: {}, logprobs: { content: [] } }] }],
    ['an error that is null', { error: null, choices: [] }],
  ])('is skipped: %s', async (_, payload) => {
    const [first, ...rest] = sane;
    expect(await answer(stream(first, data(payload), ...rest))).toMatchObject({
      text: 'ab',
      finish: STOP,
      code: undefined,
    });
  });

  it.each([
    ['broken JSON', stream(text('a'), raw('data: {"choices":[}\n\n'), finish()), 'provider_invalid_response'],
    ['an error', stream(text('a'), data({ error: { message: 'x', code: 503 } })), 'provider_unavailable'],
    ['an error that is text', stream(text('a'), data({ error: 'overloaded' })), 'provider_unavailable'],
    [
      'an error with its message twice (LM Studio)',
      stream(text('a'), data({ error: { message: 'Compute error.' }, message: 'Compute error.' })),
      'provider_unavailable',
    ],
    [
      'an error beside a choice (OpenRouter)',
      stream(
        text('a'),
        data({
          error: {
            code: 502,
            message: 'Provider disconnected',
            metadata: { error_type: 'provider_unavailable' },
          },
          choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
        }),
      ),
      'provider_unavailable',
    ],
    [
      'an error before [DONE]',
      stream(text('a'), data({ error: { message: 'quota exceeded', code: 429 } }), done()),
      'provider_rate_limited',
    ],
    [
      'an error event',
      stream(text('a'), raw('event: error\ndata: {"type":"overloaded_error"}\n\n')),
      'provider_overloaded',
    ],
    [
      'an error event that is no JSON',
      stream(text('a'), raw('event: error\ndata: oops\n\n')),
      'provider_unavailable',
    ],
  ])('ends the reply: %s', async (_, behaviour, code) => {
    expect(await answer(behaviour)).toMatchObject({ text: 'a', code });
  });

  it('does not hurt the next reply', async () => {
    await answer(stream(raw('\0\0\xff\xfe garbage')));
    expect(await answer(reply('fine'))).toMatchObject({ text: 'fine' });
  });
});

describe('sizes', () => {
  it('takes a delta of five megabytes', async () => {
    const big = 'x'.repeat(5 * 1024 * 1024);
    const { text: got } = await answer(stream(text(big), finish(), done()));
    expect(got.length).toBe(big.length);
  });

  it('gives up on an event without end', async () => {
    const endless: Behaviour = async (exchange) => {
      await exchange.write('data: {"choices":[{"delta":{"content":"');
      for (;;) await exchange.write('x'.repeat(256 * 1024));
    };
    const { error } = await answer(stream(text('a'), endless));
    expect(error).toMatchObject({ code: 'provider_invalid_response', retryable: false });
    expect(await server.requests[0].closed).toBe('aborted');
  });

  it('takes 100,000 tokens of one character', async () => {
    const one = `data: ${chunk('x')}\n\n`;
    const many = Array.from({ length: 100 }, () => raw(one.repeat(1000)));
    const { text: got, batches } = await answer(stream(...many, finish(), done()));
    expect(got).toBe('x'.repeat(100_000));
    expect(batches.length).toBeLessThan(20_000);
  });
});

describe('text that could do harm', () => {
  it('keeps event framing and terminal codes as text', async () => {
    const content = 'data: x\n\nevent: end\r\n\u001b[31mred';
    expect(await answer(stream(text(content), finish()))).toMatchObject({ text: content });
  });

  it('loses NUL and lone surrogates, and mends what was cut', async () => {
    const parts = ['a\0', '\ud83c', '\udf0d', '\ud83c', 'x', '\udc00'].map(text);
    const got = await answer(stream(...parts, finish()));
    expect(got.text).toBe('a\uFFFD🌍\uFFFDx\uFFFD');
  });

  it('loses half a character at a cut, and keeps it apart from another channel', async () => {
    expect(await answer(stream(text('a\ud83c')))).toMatchObject({ text: 'a', code: 'upstream_incomplete' });
    const mixed = stream(reasoning('r\ud83c'), text('\udf0da'), finish());
    expect(await answer(mixed)).toMatchObject({ reasoning: 'r\uFFFD', text: '\uFFFDa' });
  });

  it('never shows the text of an error', async () => {
    const { error } = await answer(failure(400, { message: 'SECRET-TEXT', code: 'x y z' }));
    expect(JSON.stringify(error) + String(error)).not.toMatch(/SECRET|x y z/);
  });
});

function chunk(content: string, finishReason: string | null = null): string {
  return JSON.stringify({
    id: 'c',
    choices: [{ index: 0, delta: { content }, finish_reason: finishReason }],
  });
}

describe('a thought', () => {
  const delta = (fields: object) => data({ choices: [{ index: 0, delta: fields }] });

  it.each<[string, object[]]>([
    [
      'details (OpenRouter, MiniMax)',
      [
        { reasoning_details: [{ type: 'reasoning.text', text: 'Hm ' }] },
        { reasoning_details: [{ type: 'reasoning.summary', summary: 'so.' }] },
      ],
    ],
    [
      'details beside the text of them',
      [
        { reasoning: 'Hm ', reasoning_details: [{ type: 'reasoning.text', text: 'Hm ' }] },
        { reasoning: 'so.' },
      ],
    ],
    [
      'a text of its own (GitHub Copilot)',
      [
        { reasoning_text: 'Hm ', role: 'assistant' },
        { reasoning_text: 'so.', content: '' },
        { reasoning_opaque: 'c2lnbmF0dXJl' },
      ],
    ],
    [
      'the field of DeepSeek, beside a content of null',
      [
        { content: null, reasoning_content: 'Hm ' },
        { content: null, reasoning_content: 'so.' },
      ],
    ],
    [
      'two fields with the same text (OpenRouter)',
      [
        {
          content: '',
          role: 'assistant',
          reasoning: 'Hm so.',
          reasoning_details: [{ type: 'reasoning.text', text: 'Hm so.', format: 'unknown', index: 0 }],
        },
      ],
    ],
    [
      'parts of the content (Databricks)',
      [
        { content: [{ type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm ' }] }] },
        { content: [{ type: 'reasoning', text: 'so.' }] },
      ],
    ],
    [
      'parts of the content (Mistral)',
      [{ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'Hm so.' }] }] }],
    ],
  ])('is found in %s', async (_, deltas) => {
    expect(await answer(stream(...deltas.map(delta), text('Yes'), finish(), done()))).toMatchObject({
      reasoning: 'Hm so.',
      text: 'Yes',
    });
  });

  it.each<[string, object[]]>([
    ['blank', [{ reasoning_content: '\n' }, { reasoning_content: '\n ' }]],
    ['empty', [{ reasoning_content: '' }, { reasoning: '' }]],
    ['encrypted', [{ reasoning_details: [{ type: 'reasoning.encrypted', data: 'abc' }] }]],
  ])('is none where it is %s', async (_, deltas) => {
    const { batches, text: got } = await answer(stream(...deltas.map(delta), text('Yes'), finish(), done()));
    expect([got, batches.flat().map(({ type }) => type)]).toEqual(['Yes', ['text']]);
  });

  it('keeps the white space before it', async () => {
    const thought = stream(
      delta({ reasoning: '\n' }),
      delta({ reasoning: ' Hm' }),
      delta({ reasoning: ' ' }),
      delta({ reasoning: 'so' }),
      text('Yes'),
      finish(),
      done(),
    );
    expect(await answer(thought)).toMatchObject({ reasoning: '\n Hm so', text: 'Yes' });
  });
});

describe('a body', () => {
  const types = [
    'text/plain; charset=utf-8',
    'application/json',
    'application/x-ndjson',
    'application/octet-stream',
    undefined,
  ];
  const typed =
    (type: string | undefined, ...steps: Behaviour[]): Behaviour =>
    async (exchange) => {
      exchange.head(200, type === undefined ? {} : { 'content-type': type });
      for (const step of steps) await step(exchange);
      exchange.end();
    };

  it.each(types)('of events is read under the type %s', async (type) => {
    const said = [comment('queued'), text('One '), pause(20), text('two'), finish(), usage(1, 2), done()];
    for (const behaviour of [
      typed(type, ...said),
      trickle(typed(type, ...said), 1),
      trickle(typed(type, ...said.slice(1)), 2),
    ])
      expect(await answer(behaviour)).toMatchObject({ text: 'One two', finish: STOP });
  });

  it('of events is handed on as it comes, whatever its type', async () => {
    const { batches } = await answer(
      typed('text/plain', text('One '), pause(200), text('two'), finish(), done()),
    );
    expect(batches.length).toBeGreaterThan(1);
  });

  const whole = JSON.stringify({
    choices: [{ message: { content: 'Whole.' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 2 },
  });

  it.each(['text/event-stream', ...types])('that is one reply is read under the type %s', async (type) => {
    for (const before of ['', '\n\n  \n', '\uFEFF'])
      expect(await answer(typed(type, raw(before), pause(10), raw(whole)))).toMatchObject({
        text: 'Whole.',
        finish: STOP,
      });
  });

  it('that is one reply may have the end of events behind it', async () => {
    for (const end of ['data: [DONE]', '\n\ndata: [DONE]\n\n', '\r\ndata:[DONE]'])
      expect(await answer(typed('text/event-stream', raw(whole), raw(end)))).toMatchObject({
        text: 'Whole.',
        finish: STOP,
      });
  });

  it('that is an error is one under any type', async () => {
    const error = JSON.stringify([{ error: { code: 429, message: 'Slow down' } }]);
    for (const type of ['text/event-stream', ...types])
      expect(await answer(typed(type, raw(error)))).toMatchObject({ code: 'provider_rate_limited' });
  });

  it('of an error may be framed as an event', async () => {
    const framed: Behaviour = async (exchange) => {
      exchange.head(400, { 'content-type': 'text/event-stream' });
      await raw('data: {"error":{"message":"Prompt is too long"}}\n\n')(exchange);
      exchange.end();
    };
    expect(await answer(framed)).toMatchObject({ code: 'context_length_exceeded' });
  });

  it('that is neither is not asked for again', async () => {
    expect(await answer(typed('text/plain', raw('Upstream is busy')))).toMatchObject({
      code: 'provider_invalid_response',
      error: { retryable: false },
    });
  });

  it('may lack the blank lines between its events', async () => {
    const line = (content: string) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n`;
    const lines = `${line('One ')}${line('two ')}${line('three')}data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\ndata: [DONE]\n`;
    for (const behaviour of [stream(raw(lines)), trickle(stream(raw(lines)), 1), stream(raw(lines), hang())])
      expect(await answer(behaviour)).toMatchObject({ text: 'One two three', finish: STOP });
  });

  const compressed =
    (encoding: string, compress: Transform & Zlib, ...steps: string[]): Behaviour =>
    async (exchange) => {
      exchange.head(200, {
        'content-type': 'text/event-stream',
        ...(encoding && { 'content-encoding': encoding }),
      });
      compress.on('data', (bytes: Buffer) => exchange.response.write(bytes));
      for (const step of steps) {
        compress.write(step);
        await new Promise<void>((resolve) => compress.flush(resolve));
        await pause(30)(exchange);
      }
      compress.end();
      await finished(compress);
      exchange.end();
    };
  const event = (content: string) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;
  const END = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

  it.each([
    ['gzip', createGzip],
    ['x-gzip', createGzip],
    ['GZIP', createGzip],
    // A proxy has taken the header away.
    ['', createGzip],
    ['br', createBrotliCompress],
    ['deflate', createDeflate],
    ['deflate', createDeflateRaw],
    ['zstd', createZstdCompress],
  ])('that is compressed (%s) is read as it comes', async (encoding, make) => {
    const { batches, ...rest } = await answer(compressed(encoding, make(), event('One '), event('two'), END));
    expect(rest).toMatchObject({ text: 'One two', finish: STOP });
    expect(batches.length).toBeGreaterThan(1);
  });

  it.each(['gzip', 'br', 'deflate', 'zstd'])(
    'that only says it is compressed (%s) is read',
    async (encoding) => {
      const plain: Behaviour = async (exchange) => {
        exchange.head(200, { 'content-type': 'text/event-stream', 'content-encoding': encoding });
        await raw(event('Plain.') + END)(exchange);
        exchange.end();
      };
      expect(await answer(plain)).toMatchObject({ text: 'Plain.', finish: STOP });
    },
  );

  it('of an error may be compressed', async () => {
    const error = JSON.stringify({ error: { message: 'Prompt is too long' } });
    const zipped: Behaviour = (exchange) => {
      exchange.head(400, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      exchange.response.end(gzipSync(error));
    };
    expect(await answer(zipped)).toMatchObject({ code: 'context_length_exceeded' });
  });

  it.each(['gzip', 'br', 'deflate', 'zstd'])(
    'that is no %s fails, and is not asked for again',
    async (encoding) => {
      const broken: Behaviour = (exchange) => {
        exchange.head(200, { 'content-type': 'text/event-stream', 'content-encoding': encoding });
        exchange.response.end(
          Buffer.from([0x8b, 0x1f, 0xff, 0xfe, 0xfd, 0xfc, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        );
      };
      expect((await answer(broken)).code).toMatch(/provider_invalid_response|upstream_/);
    },
  );

  it('that was cut off has what came before', async () => {
    const zip = createGzip();
    const cut: Behaviour = async (exchange) => {
      exchange.head(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
      zip.on('data', (bytes: Buffer) => exchange.response.write(bytes));
      zip.write(event('Before'));
      await new Promise<void>((resolve) => zip.flush(resolve));
      await pause(50)(exchange);
      exchange.reset();
    };
    expect(await answer(cut)).toMatchObject({ text: 'Before', code: 'upstream_incomplete' });
  });

  it('that becomes huge is given up, and is never in memory as a whole', async () => {
    // 512 MB of one line, which is half a megabyte on the wire.
    const bomb: Behaviour = async (exchange) => {
      exchange.head(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
      const zip = createGzip();
      zip.on('data', (bytes: Buffer) => exchange.response.write(bytes));
      const zeros = Buffer.alloc(1024 ** 2, ' ');
      for (let megabytes = 0; megabytes < 512 && !exchange.response.destroyed; megabytes++)
        if (!zip.write(zeros)) await once(zip, 'drain');
      zip.end();
      await finished(zip);
      exchange.end();
    };
    const before = process.memoryUsage().rss;
    expect(await answer(bomb)).toMatchObject({ code: 'provider_invalid_response' });
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 ** 2);
  });

  it('is asked for without compression', async () => {
    await answer(stream(text('Hi'), finish(), done()));
    expect(server.requests[0].headers['accept-encoding']).toBe('identity');
  });
});
