import { setTimeout as sleep } from 'node:timers/promises';
import { PROVIDER_BOUNDS } from '../../src/config/bounds';
import { HeldBytes } from '../../src/llm/openai/held-bytes';
import type { LlmError } from '../../src/llm/llm-error';
import { OpenAiClient } from '../../src/llm/openai/openai-client';
import { call, collected, testLimits, testProvider, testRequest } from '../support/model-calls';
import {
  comment,
  data,
  done,
  finish,
  hang,
  raw,
  status,
  stream,
  text,
  trickle,
  usage,
} from '../support/model-server/behaviours';
import type { Behaviour } from '../support/model-server/exchange';
import { useModelServer } from '../support/use-model-server';

/*
 * What a provider may send without an end, or in pieces that cost more than their bytes.
 */

const { idleLines, linesOfEvent, bytesOfEvent, heldByAll, heldUnasked } = PROVIDER_BOUNDS;
const server = useModelServer();
let held: HeldBytes;
let client: OpenAiClient;

beforeAll(async () => {
  held = new HeldBytes();
  client = new OpenAiClient(testLimits({ maxReplyChars: 500_000 }), undefined, held);
});
afterEach(() => {
  server.reset();
  expect(held.total).toBe(0);
});
afterAll(() => client.close());

function answer(behaviour: Behaviour) {
  server.script(behaviour);
  return call(client, testRequest(testProvider(server.url)));
}

function forever(piece: string): Behaviour {
  const bytes = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length)));
  return async (exchange) => {
    for (;;) await exchange.write(bytes);
  };
}

const GIVEN_UP = { text: 'a', code: 'provider_invalid_response', error: { retryable: false } };

describe('what comes without an end is given up, and the text so far is kept', () => {
  it.each([
    ['carriage returns', '\r'],
    ['line feeds with a carriage return among them', `${'\n'.repeat(65_535)}\r`],
    ['data lines without text', 'data:\n'],
    ['data lines without text and with CR LF', 'data:\r\n'],
    ['comments', ': keep-alive\n\n'],
    ['comments without blank lines', ':\n'],
    ['other fields', 'id: 1\n'],
    ['events of other fields', 'event: x\n\n'],
    ['empty events', 'data:\n\n'],
    ['events without choices', 'data: {}\n\n'],
    ['events of nothing', 'data: null\n\n'],
    ['chunks without text', `data: ${JSON.stringify({ choices: [{ delta: { content: '' } }] })}\n\n`],
    ['pieces of calls', 'data: {"choices":[{"delta":{"tool_calls":[{}]}}]}\n\n'],
    ['a comment', 'x'.repeat(65_536)],
  ])('%s', async (_what, piece) => {
    const begun = piece.startsWith('xx') ? raw(': ') : raw('');
    expect(await answer(stream(text('a'), begun, forever(piece)))).toMatchObject(GIVEN_UP);
    expect(await server.requests[0].closed).toBe('aborted');
  });

  it('a reply that is no stream, one byte at a time', async () => {
    let sent = 0;
    const pieces = Buffer.from('1\r\nx\r\n'.repeat(10_000));
    server.script(async (exchange) => {
      const { socket } = exchange;
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n');
      for (; !exchange.request.isClosed; sent += 10_000)
        if (!socket.write(pieces)) await Promise.race([drained(socket), exchange.request.closed]);
    });
    const got = await call(client, testRequest(testProvider(server.url)));
    expect(got).toMatchObject({ text: '', code: 'provider_invalid_response' });
    // 64 pieces of a byte count as 4,096 bytes; what was on its way is not read.
    expect(sent).toBeLessThan(bytesOfEvent.limit / 4);
  });
});

function drained(socket: { once(event: 'drain', listener: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => socket.once('drain', resolve));
}

describe('what is honest passes', () => {
  const repeated = (piece: string, count: number) => raw(piece.repeat(count));

  it.each([
    ['a comment each second for ten minutes', 600],
    ['ten comments a second for ten minutes', 6_000],
  ])('%s', async (_what, count) => {
    const slow = stream(repeated(': keep-alive\n\n', count), text('a'), finish(), done());
    expect(await answer(slow)).toMatchObject({ text: 'a', code: undefined });
    const before = stream(text('a'), repeated(': keep-alive\r\n\r\n', count), text('b'), finish());
    expect(await answer(before)).toMatchObject({ text: 'ab', code: undefined });
  });

  it('a token among many empty chunks, and fields around each', async () => {
    const empty = repeated(`data: ${JSON.stringify({ choices: [{ delta: { content: '' } }] })}\n\n`, 9_000);
    const named = `id: 1\nevent: message\ndata: ${JSON.stringify({ choices: [{ delta: { content: 'b' } }] })}\n\n`;
    const got = await answer(stream(empty, repeated(named, idleLines.limit), finish(), usage(1, 2), done()));
    expect(got).toMatchObject({ code: undefined, finish: { usage: { input_tokens: 1 } } });
    expect(got.text).toHaveLength(idleLines.limit);
  });

  it.each([
    ['as it is', (content: string) => JSON.stringify(content)],
    [
      'with every character escaped',
      (content: string) =>
        `"${Array.from(content, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`,
    ],
  ])(
    'a reply of 400,000 characters in one chunk, %s',
    async (_how, written) => {
      const content = 'a, "b": [你好]'.repeat(40_000).slice(0, 400_000);
      const chunk = `data: {"choices":[{"delta":{"content":${written(content)}}}]}\r\n\r\n`;
      expect((await answer(stream(raw(chunk), finish(), done()))).text).toBe(content);
      expect((await answer(stream(trickle(raw(chunk), 1_000), finish(), done()))).text).toBe(content);
      const body = `{"choices":[{"message":{"content":${written(content)}},"finish_reason":"stop"}]}`;
      const whole = await answer(status(200, body, { 'content-type': 'application/json' }));
      expect(whole.text).toBe(content);
    },
    60_000,
  );

  it('an event of as many lines as there may be', async () => {
    const chunk = JSON.stringify({ choices: [{ delta: { content: 'b' } }] });
    const lines = 'data: \n'.repeat(linesOfEvent.limit - 1);
    expect(await answer(stream(raw(`${lines}data: ${chunk}\n\n`), finish()))).toMatchObject({ text: 'b' });
  });
});

describe('what all streams hold together', () => {
  const MB = 1024 * 1024;

  it('has a bound, beyond which those fail that want more', async () => {
    const line = Buffer.from(`data: ${'x'.repeat(3 * MB)}`);
    const streams = 40;
    server.otherwise(stream(text('a'), raw(line), hang()));
    const over = new AbortController();
    const request = testRequest(testProvider(server.url));
    const seen = { begun: 0, refused: 0 };
    const calls = Array.from({ length: streams }, async () => {
      const got = await collected((take) =>
        client.stream(request, over.signal, (parts) => {
          seen.begun++;
          return take(parts);
        }),
      );
      if (got.code === 'provider_invalid_response') seen.refused++;
      return got;
    });
    let most = 0;
    for (let last = -1, same = 0; seen.begun < streams || same < 5; await sleep(100)) {
      same = last === held.total ? same + 1 : 0;
      last = held.total;
      most = Math.max(most, last);
    }
    const { refused } = seen;
    const waiting = streams - refused;
    over.abort();
    const settled = await Promise.all(calls);
    expect(settled.map(({ text: got }) => got)).toEqual(Array.from({ length: streams }, () => 'a'));
    expect(settled.filter(({ error }) => (error as LlmError).retryable)).toHaveLength(refused);
    // Buffers double, so 3 MB of text take up 3 to 6.
    expect(waiting).toBeGreaterThanOrEqual(Math.floor(heldByAll.limit / (6 * MB)));
    expect(waiting).toBeLessThanOrEqual(Math.floor(heldByAll.limit / (3 * MB)));
    expect(most).toBeLessThanOrEqual(heldByAll.limit + streams * heldUnasked.limit);
  }, 60_000);

  it('leaves room for ordinary streams when it is used up', async () => {
    const full = held.share();
    full.hold(heldByAll.limit);
    const chunk = `data: ${JSON.stringify({ choices: [{ delta: { content: 'x'.repeat(100_000) } }] })}\n\n`;
    const got = await answer(stream(trickle(raw(chunk), 5_000), text('b'), finish(), done()));
    full.release();
    expect([got.code, got.text.length]).toEqual([undefined, 100_001]);
  });
});

describe('JSON that is nested without an end', () => {
  const DEEP = 100_000;
  const nested = (open: string, close: string, depth = DEEP) =>
    `${open.repeat(depth)}1${close.repeat(depth)}`;

  const invalid = 'provider_invalid_response';

  it.each([
    ['an error in errors', nested('{"error":', '}'), invalid],
    ['an error in lists of errors', nested('{"error":[', ']}'), invalid],
    ['an error in fewer lists of errors', nested('{"error":[', ']}', 2_000), invalid],
    ['a text', `{"choices":[{"delta":{"content":${nested('[', ']')}}}]}`, invalid],
    ['a choice', `{"choices":${nested('[', ']')}}`, invalid],
    [
      'the code of an error',
      `{"error":{"code":${nested('[', ']', 30_000)},"message":"x"}}`,
      'provider_unavailable',
    ],
    ['the message of an error', `{"error":{"message":${nested('[', ']', 30_000)}}}`, 'provider_unavailable'],
  ])('%s', async (_what, json, code) => {
    const chunk = await answer(stream(text('a'), raw(`data: ${json}\n\n`), text('b'), finish()));
    expect(chunk).toMatchObject({ text: 'a', code });
    const whole = await answer(status(200, json, { 'content-type': 'application/json' }));
    expect(whole).toMatchObject({ text: '', code });
    const error = await answer(stream(text('a'), raw(`event: error\ndata: ${json}\n\n`), hang()));
    expect(error).toMatchObject({ text: 'a', code: expect.stringMatching(/^provider_(unavail|invalid)/) });
    const refusal = await answer(status(400, json, { 'content-type': 'application/json' }));
    expect(refusal.code).toMatch(/^provider_(invalid_response|bad_request)$/);
  });
});

describe('what a provider counts', () => {
  it.each([
    [Number.MAX_SAFE_INTEGER, 2],
    [2, Number.MAX_SAFE_INTEGER],
    [10_000_001, 2],
  ])('is not believed to be %d and %d tokens', async (input, output) => {
    const got = await answer(stream(text('a'), finish(), usage(input, output), done()));
    expect(got).toMatchObject({ text: 'a', finish: { reason: 'stop', usage: null } });
  });

  it('is believed where it is more than the window, which may be a guess', async () => {
    const got = await answer(stream(text('a'), finish(), usage(900_000, 70_000), done()));
    expect(got.finish?.usage).toMatchObject({ input_tokens: 900_000, output_tokens: 70_000 });
  });
});

describe('a call of a tool that nobody offered', () => {
  const callOf = (name: string) =>
    data({
      choices: [{ delta: { tool_calls: [{ index: 0, id: 'c', function: { name, arguments: '{}' } }] } }],
    });

  it.each([
    ['alone', '', stream(callOf('weather'), finish('tool_calls'), done())],
    ['alone, and the model says that it has stopped', '', stream(callOf('weather'), finish(), done())],
    ['after a text', 'Let me see.', stream(text('Let me see.'), callOf('weather'), finish('tool_calls'))],
    ['before a text', 'Sunny.', stream(callOf('weather'), text('Sunny.'), finish('stop'), usage(1, 2))],
    ['only in the reason for the end', 'Hm.', stream(text('Hm.'), finish('tool_calls'), done())],
    [
      'beside a text, time and again',
      'abc',
      stream(
        ...['a', 'b', 'c'].map((content) =>
          data({ choices: [{ delta: { content, tool_calls: [{ function: { name: 'f' } }] } }] }),
        ),
        finish(),
      ),
    ],
  ])('%s: the reply fails and keeps its text', async (_what, kept, behaviour) => {
    expect(await answer(behaviour)).toMatchObject({
      text: kept,
      code: 'unexpected_tool_call',
      error: { retryable: false },
    });
  });

  it('in a reply that is no stream', async () => {
    const message = { content: 'Let me see.', tool_calls: [{ function: { name: 'weather' } }] };
    const whole = status(200, { choices: [{ message, finish_reason: 'tool_calls' }] });
    expect(await answer(whole)).toMatchObject({ text: 'Let me see.', code: 'unexpected_tool_call' });
  });

  it.each([
    ['no calls', []],
    ['nothing', null],
    ['a call without a name', [{ id: '', function: { name: null } }]],
  ])('is not %s', async (_what, tool_calls) => {
    const chunk = data({ choices: [{ delta: { content: 'a', tool_calls } }] });
    expect(await answer(stream(chunk, finish(), done()))).toMatchObject({ text: 'a', code: undefined });
  });
});

it('a comment between two tokens costs them nothing', async () => {
  const got = await answer(stream(text('a'), comment('x'), text('b'), finish(), done()));
  expect(got).toMatchObject({ text: 'ab', code: undefined });
});
