import { readFileSync } from 'node:fs';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { OpenAiClient } from '../../src/llm/openai/openai-client';
import type { ModelPart } from '../../src/llm/llm-client';
import { LlmError } from '../../src/llm/llm-error';
import { call, collected, testLimits, testProvider, testRequest } from '../support/model-calls';
import { startModelServer } from '../support/model-server';
import {
  data,
  done,
  failure,
  finish,
  hang,
  html,
  raw,
  redirect,
  reply,
  silence,
  status,
  stream,
  text,
} from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { useModelServer } from '../support/use-model-server';

const KEY = 'sk-parley-0123456789abcdef';

const server = useModelServer();
let client: OpenAiClient;

beforeAll(() => {
  client = new OpenAiClient(testLimits({ connectTimeoutMs: 300 }));
});

afterEach(() => server.reset());

afterAll(() => client.close());

function request(overrides: Parameters<typeof testProvider>[1] = {}) {
  return testRequest(testProvider(server.url, { apiKey: KEY, ...overrides }));
}

describe('the request', () => {
  it('goes to the endpoint with the key, the provider’s headers and its query, and with nothing else', async () => {
    process.env.OPENAI_ORG_ID = 'org-of-somebody';
    process.env.OPENAI_PROJECT_ID = 'project-of-somebody';
    process.env.OPENAI_CUSTOM_HEADERS = 'x-custom: leaked';
    const own = { headers: { 'x-tenant': 'a' }, query: { 'api-version': '2026-01-01' } };
    try {
      await call(client, request(own));
    } finally {
      for (const name of ['OPENAI_ORG_ID', 'OPENAI_PROJECT_ID', 'OPENAI_CUSTOM_HEADERS'])
        delete process.env[name];
    }
    const [{ method, url, headers, body }] = server.requests;
    expect(`${method} ${url}`).toBe('POST /v1/chat/completions?api-version=2026-01-01');
    expect(headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'x-tenant': 'a',
      'user-agent': 'parley',
    });
    const known = [
      'authorization',
      'x-tenant',
      'user-agent',
      'accept',
      'content-type',
      'host',
      'connection',
      'content-length',
    ];
    const hop = ['accept-language', 'sec-fetch-mode', 'accept-encoding', 'transfer-encoding'];
    expect(Object.keys(headers).filter((name) => ![...known, ...hop].includes(name))).toEqual([]);
    expect(body).toMatchObject({ model: 'test-model-name', stream: true });
  });

  it('has no authorization if there is no key, as for a local server or one with a header of its own', async () => {
    process.env.OPENAI_ADMIN_KEY = KEY;
    const local = new OpenAiClient(testLimits());
    await call(local, request({ apiKey: undefined, headers: { 'api-key': 'azure-key' } }));
    delete process.env.OPENAI_ADMIN_KEY;
    await local.close();
    expect(server.requests[0].headers).not.toHaveProperty('authorization');
    expect(server.requests[0].headers).toMatchObject({ 'api-key': 'azure-key' });
  });

  it('does not go through a proxy of the environment', async () => {
    for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY']) process.env[name] = 'http://127.0.0.1:1';
    const direct = new OpenAiClient(testLimits());
    expect(await call(direct, request())).toMatchObject({ error: undefined });
    for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY']) delete process.env[name];
    await direct.close();
  });

  it('is made once: retries are the runner’s', async () => {
    server.script(failure(500), failure(500));
    await call(client, request());
    expect(server.requests).toHaveLength(1);
  });

  it('uses a connection again after a complete reply', async () => {
    const fresh = new OpenAiClient(testLimits());
    const sockets = new Set<number | undefined>();
    for (let count = 0; count < 3; count++) {
      server.script(
        stream((exchange) => void sockets.add(exchange.socket.remotePort), text('x'), finish(), done()),
      );
      await call(fresh, request());
      // The end of the response comes right after the last event.
      await delay(50);
    }
    expect(sockets.size).toBe(1);
    await fresh.close();
  });
});

describe('a refusal', () => {
  it.each([
    [400, {}, 'provider_bad_request', false],
    [400, { code: 'context_length_exceeded' }, 'context_length_exceeded', false],
    [400, { code: 'content_filter' }, 'content_filter', false],
    [400, { code: 'model_not_found' }, 'provider_model_not_found', false],
    [401, { code: 'invalid_api_key' }, 'provider_auth_failed', false],
    [402, {}, 'provider_rate_limited', false],
    [403, {}, 'provider_auth_failed', false],
    [404, {}, 'provider_model_not_found', false],
    [408, {}, 'provider_timeout', true],
    [413, {}, 'context_length_exceeded', false],
    [418, {}, 'provider_bad_request', false],
    [422, {}, 'provider_bad_request', false],
    [429, {}, 'provider_rate_limited', true],
    [429, { code: 'insufficient_quota' }, 'provider_rate_limited', false],
    [500, {}, 'provider_unavailable', true],
    [502, {}, 'provider_unavailable', true],
    [503, {}, 'provider_unavailable', true],
    [504, {}, 'provider_timeout', true],
    [529, { type: 'overloaded_error' }, 'provider_overloaded', true],
  ])('with status %i and %j is %s', async (code, error, expected, retryable) => {
    server.script(failure(code, error));
    const { error: thrown } = await call(client, request());
    expect(thrown).toMatchObject({ code: expected, retryable, detail: { status: code } });
  });

  it.each([
    ['plain text', 'Bad gateway'],
    ['a page', '<html>502</html>'],
    ['nothing', ''],
    ['broken JSON', '{"error":'],
    ['an error that is text', { error: 'model "x" not found' }],
    ['an error that is null', { error: null }],
    ['a detail', { detail: 'Not Found' }],
    ['a list', [1]],
    ['a number', 5],
  ])('may have %s as its body', async (_, body) => {
    server.script(status(502, body));
    expect(await call(client, request())).toMatchObject({ code: 'provider_unavailable' });
  });

  it('tells what to wait', async () => {
    server.script(failure(429, {}, { 'retry-after': '3' }));
    expect((await call(client, request())).error).toMatchObject({ retryAfterMs: 3000 });
  });

  it('keeps the provider’s code and request id for the record', async () => {
    server.script(failure(400, { code: 'unsupported_parameter' }, { 'x-request-id': 'req_123' }));
    const { error } = await call(client, request());
    expect(error).toMatchObject({
      detail: { status: 400, reason: 'unsupported_parameter', request_id: 'req_123' },
    });
  });

  it.each([401, 403])('with status %i that quotes the key shows it to nobody', async (code) => {
    const echo = {
      message: `Incorrect API key provided: ${KEY}. You can find it at ${server.url}`,
      code: KEY,
      type: KEY,
    };
    server.script(failure(code, echo, { 'x-request-id': KEY }));
    const { error } = await call(client, request());
    expect(error).toMatchObject({ code: 'provider_auth_failed' });
    const lines: string[] = [];
    pino({ level: 'trace' }, { write: (line) => void lines.push(line) }).error({ err: error }, 'failed');
    const shown = [
      ...lines,
      JSON.stringify(error),
      String(error),
      (error as LlmError).stack,
      (error as LlmError).providerText,
    ];
    expect(shown.join()).not.toContain(KEY);
    expect([lines, String(error)].join()).not.toContain('Incorrect');
    expect((error as LlmError).providerText).toContain('Incorrect API key provided: ***');
  });

  it('costs at most a megabyte, whatever its length', async () => {
    let sent = 0;
    server.script(async (exchange) => {
      exchange.head(500, { 'content-type': 'text/plain' });
      const piece = Buffer.alloc(64 * 1024, 'x');
      for (; sent < 1024 ** 3; sent += piece.length) await exchange.write(piece);
    });
    expect(await call(client, request())).toMatchObject({ code: 'provider_unavailable' });
    expect(await server.requests[0].closed).toBe('aborted');
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  it('may be a compressed bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));
    server.script((exchange) => {
      exchange.response.writeHead(500, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      exchange.response.end(bomb);
    });
    const before = process.memoryUsage().rss;
    expect(await call(client, request())).toMatchObject({ code: 'provider_unavailable' });
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  it('may have headers without end', async () => {
    server.script(async (exchange) => {
      exchange.socket.write('HTTP/1.1 200 OK\r\n');
      for (let count = 0; count < 10_000 && !exchange.request.isClosed; count++) {
        exchange.socket.write(`x-header-${count}: ${'y'.repeat(100)}\r\n`);
        if (count % 100 === 0) await exchange.sleep(1);
      }
      await exchange.hang();
    });
    expect(await call(client, request())).toMatchObject({ code: 'provider_unreachable' });
  });
});

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('with status %i is not followed', async (code) => {
    const other = await startModelServer();
    server.script(redirect(`${other.url}/chat/completions`, code));
    expect((await call(client, request())).error).toMatchObject({
      code: 'provider_invalid_response',
      retryable: false,
    });
    expect(other.requests).toHaveLength(0);
    await other.close();
  });
});

describe('a success that is no stream', () => {
  it('is read if it is a whole reply', async () => {
    const message = { role: 'assistant', content: 'Whole.', reasoning_content: 'Hm.' };
    const body = {
      choices: [{ message, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    };
    server.script(status(200, `\n\n\n${JSON.stringify(body)}`, { 'content-type': 'application/json' }));
    expect(await call(client, request())).toMatchObject({
      text: 'Whole.',
      reasoning: 'Hm.',
      finish: { reason: 'stop', usage: { input_tokens: 1, output_tokens: 2 } },
    });
  });

  it.each([
    [
      'JSON with an error',
      status(200, { error: { message: 'no', code: 'rate_limit_exceeded' } }),
      'provider_rate_limited',
    ],
    ['JSON with an error in words', status(200, { error: 'overloaded' }), 'provider_unavailable'],
    [
      'JSON with a code beside the message',
      status(200, { code: 'InvalidApiKey', message: 'no' }),
      'provider_auth_failed',
    ],
    ['JSON without anything', status(200, {}), 'provider_unavailable'],
    ['a page', html(), 'provider_invalid_response'],
    ['text', status(200, 'Upstream is busy'), 'provider_invalid_response'],
    ['events without a word', status(200, 'data: {"choices":[]}\n\n'), 'upstream_empty'],
    ['nothing', status(200, '', { 'content-type': 'application/json' }), 'provider_invalid_response'],
    [
      'an empty reply',
      status(200, { choices: [{ message: { content: '' }, finish_reason: 'stop' }] }),
      'upstream_empty',
    ],
    ['no content', status(204), 'provider_invalid_response'],
    ['an empty stream', stream(), 'upstream_empty'],
  ])('fails if it is %s', async (_, behaviour, code) => {
    server.script(behaviour);
    const answer = await call(client, request());
    expect(answer).toMatchObject({ code, batches: [] });
  });
});

describe('a provider that cannot be reached', () => {
  const servers: { close(): unknown }[] = [];

  afterAll(() => servers.forEach((one) => one.close()));

  async function port(one: Server | ReturnType<typeof createTlsServer>): Promise<number> {
    await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
    servers.push(one);
    return (one.address() as AddressInfo).port;
  }

  it('refuses the connection', async () => {
    const closed = await startModelServer();
    const { url } = closed;
    await closed.close();
    const { error } = await call(client, testRequest(testProvider(url)));
    expect(error).toMatchObject({
      code: 'provider_unreachable',
      retryable: true,
      detail: { reason: 'ECONNREFUSED' },
    });
  });

  it('does not exist', async () => {
    const { error } = await call(client, testRequest(testProvider('http://does-not-exist.invalid/v1')));
    expect(error).toMatchObject({ code: 'provider_unreachable' });
    expect(String(error)).not.toContain('invalid/');
  });

  it('never completes the connection', async () => {
    // A listener that never accepts: its queue is filled first.
    const { error } = await call(client, testRequest(testProvider('http://192.0.2.1:9/v1')));
    expect((error as LlmError).code).toMatch(/^provider_(timeout|unreachable)$/);
  });

  it('closes every connection at once', async () => {
    const slammer = createTcpServer((socket: Socket) => socket.destroy());
    const { error } = await call(
      client,
      testRequest(testProvider(`http://127.0.0.1:${await port(slammer)}/v1`)),
    );
    expect(error).toMatchObject({ code: 'provider_unreachable', retryable: true });
  });

  it('speaks something else', async () => {
    const ssh = createTcpServer(
      (socket: Socket) => void socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.9\r\n'),
    );
    const { error } = await call(client, testRequest(testProvider(`http://127.0.0.1:${await port(ssh)}/v1`)));
    expect(error).toMatchObject({ code: 'provider_unreachable' });
  });

  it('has a certificate that nobody vouches for', async () => {
    const tls = (name: string) => readFileSync(join(__dirname, '../fixtures/tls', name));
    const options = { key: tls('self-signed.key'), cert: tls('self-signed.crt') };
    const secure = createTlsServer(options, (_, response) => void response.end('{}'));
    const { error } = await call(
      client,
      testRequest(testProvider(`https://127.0.0.1:${await port(secure)}/v1`)),
    );
    expect(error).toMatchObject({ code: 'provider_unreachable', retryable: false });
  });

  it('does not speak TLS', async () => {
    const { error } = await call(client, testRequest(testProvider(server.url.replace('http:', 'https:'))));
    expect(error).toMatchObject({ code: 'provider_unreachable' });
  });
});

describe('an abort', () => {
  const reason = new Error('enough');

  it('before the request makes none', async () => {
    expect((await call(client, request(), AbortSignal.abort(reason))).error).toBe(reason);
    expect(server.requests).toHaveLength(0);
  });

  it('while the provider is silent closes the connection', async () => {
    server.script(silence());
    const controller = new AbortController();
    const answer = call(client, request(), controller.signal);
    const { closed } = await server.request(0);
    controller.abort(reason);
    expect((await answer).error).toBe(reason);
    expect(await closed).toBe('aborted');
  });

  it('in the middle of the reply closes the connection', async () => {
    server.script(stream(text('Hel'), hang()));
    const controller = new AbortController();
    const first = Promise.withResolvers<ModelPart[]>();
    const read = client.stream(request(), controller.signal, (parts) => {
      first.resolve(parts);
      return undefined;
    });
    expect(await first.promise).toEqual([{ type: 'text', text: 'Hel' }]);
    controller.abort(reason);
    await expect(read).rejects.toBe(reason);
    expect(await server.requests[0].closed).toBe('aborted');
  });

  it('while a body that is no stream is read closes the connection', async () => {
    server.script(async (exchange) => {
      exchange.head(200, { 'content-type': 'application/json' });
      await exchange.write('{"choi');
      await exchange.hang();
    });
    const controller = new AbortController();
    const answer = call(client, request(), controller.signal);
    await server.request(0);
    setTimeout(() => controller.abort(reason), 50);
    expect((await answer).error).toBe(reason);
    expect(await server.requests[0].closed).toBe('aborted');
  });

  it('after the model has ended changes nothing: its end, and what it has counted, are there', async () => {
    const body = {
      choices: [{ message: { content: 'Whole.' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    };
    server.script(status(200, body));
    const controller = new AbortController();
    const end = await client.stream(request(), controller.signal, async () => controller.abort(reason));
    expect(end).toMatchObject({ reason: 'stop', usage: { output_tokens: 2 } });
  });

  it('by a listener that takes no more closes it too', async () => {
    server.script(stream(text('Hel'), hang()));
    const full = () => {
      throw new Error('full');
    };
    await expect(client.stream(request(), new AbortController().signal, full)).rejects.toThrow('full');
    expect(await server.requests[0].closed).toBe('aborted');
  });
});

it('gives out each part as it arrives', async () => {
  const gate = hold();
  server.script(reply(['Hel', gate, 'lo']));
  const first = Promise.withResolvers<ModelPart[]>();
  const answer = collected((take) =>
    client.stream(request(), new AbortController().signal, (parts) => {
      first.resolve(parts);
      return take(parts);
    }),
  );
  expect(await first.promise).toEqual([{ type: 'text', text: 'Hel' }]);
  gate.release();
  expect(await answer).toMatchObject({ text: 'Hello', finish: { reason: 'stop' } });
});

it('does not read on from a provider while its listener is busy', async () => {
  let sent = 0;
  server.script(async (exchange) => {
    for (; sent < 4_000; sent++) await exchange.chunk({ content: 'x'.repeat(10_000) });
    await exchange.hang();
  });
  const controller = new AbortController();
  const busy = Promise.withResolvers<void>();
  const read = client.stream(request(), controller.signal, () => busy.promise);
  await delay(700);
  expect(sent).toBeLessThan(3_000);
  controller.abort('enough');
  busy.resolve();
  await expect(read).rejects.toBe('enough');
});

it('gives out together what arrived together, in few parts', async () => {
  const chunk = (content: string) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;
  server.script(
    stream(raw([...'abcdefgh'].map((letter) => chunk(letter)).join('')), finish(), data('[DONE]')),
  );
  const { batches } = await call(client, request());
  expect(batches[0].slice(0, 3)).toEqual(
    ['a', 'b', 'cdefgh'].map((content) => ({ type: 'text', text: content })),
  );
});

it('leaves nothing in the console', async () => {
  const spies = (['log', 'warn', 'error', 'info', 'debug'] as const).map((name) => vi.spyOn(console, name));
  process.env.OPENAI_LOG = 'debug';
  const loud = new OpenAiClient(testLimits());
  server.script(failure(500), stream(raw('data: {broken\n\n')));
  await call(loud, request());
  await call(loud, request());
  delete process.env.OPENAI_LOG;
  await loud.close();
  for (const spy of spies) expect(spy).not.toHaveBeenCalled();
});
