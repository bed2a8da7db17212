import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiClient } from '../support/api-client';
import { createTestApp, type TestApp } from '../support/create-test-app';
import { startModelServer, type ModelServer } from '../support/model-server';
import { done, failure, finish, reply, stream, text, usage } from '../support/model-server/behaviours';
import { until } from '../support/until';

interface Value {
  stringValue?: string;
  intValue?: number | string;
  doubleValue?: number;
  boolValue?: boolean;
  arrayValue?: { values: Value[] };
}
interface Attribute {
  key: string;
  value: Value;
}
interface RawSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  attributes: Attribute[];
  status?: { code?: number };
}
interface Export {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: RawSpan[] }[] }[];
}
type Span = Omit<RawSpan, 'attributes'> & { attributes: Record<string, unknown> };

const CANARY = 'canary-of-a-message';
const KINDS = { INTERNAL: 1, SERVER: 2, CLIENT: 3 };
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

/** An OpenTelemetry collector as far as a service sees it. */
class Collector {
  readonly exports: Export[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  readonly paths: (string | undefined)[] = [];
  private readonly server: Server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (piece: string) => (body += piece));
    request.on('end', () => {
      this.exports.push(JSON.parse(body) as Export);
      this.headers.push(request.headers);
      this.paths.push(request.url);
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
    });
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): Promise<unknown> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  get spans(): Span[] {
    const raw = this.exports.flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    );
    return raw.map((span) => ({ ...span, attributes: valuesOf(span.attributes) }));
  }
}

function valuesOf(attributes: Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
}

function plain({ arrayValue, intValue, ...value }: Value): unknown {
  if (arrayValue) return arrayValue.values.map(plain);
  return intValue === undefined ? Object.values(value)[0] : Number(intValue);
}

let collector: Collector;
let endpoint: string;
let model: ModelServer;
beforeAll(async () => {
  model = await startModelServer();
});
afterAll(() => model.close());
beforeEach(async () => {
  model.reset();
  collector = new Collector();
  endpoint = await collector.start();
});
afterEach(() => collector.stop());

/** What the work has left with the collector when the service has ended. */
async function traced(
  work: (alice: ApiClient, app: TestApp) => Promise<unknown>,
  env: NodeJS.ProcessEnv = {},
): Promise<Span[]> {
  const app = await createTestApp({
    env: { ...model.env, LLM_MAX_RETRIES: '1', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...env },
  });
  try {
    await work(ApiClient.of(app.url, 'alice-of-the-traces'), app);
  } finally {
    await app.close();
  }
  return collector.spans;
}

const named = (spans: Span[], name: string) => spans.filter((span) => span.name === name);

describe('a turn', () => {
  it('is a trace: request, reply, and each try at a model, with tokens and numbers of statements', async () => {
    model.script(
      failure(503),
      stream(
        text(CANARY),
        ...Array.from({ length: 200 }, () => text(' word')),
        finish(),
        usage(12, 201),
        done(),
      ),
    );
    let conversation = '';
    const spans = await traced(
      async (alice) => {
        ({ id: conversation } = await alice.conversation({ system_prompt: CANARY }));
        await (await alice.stream(conversation, CANARY)).done();
      },
      { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc', OTEL_SERVICE_NAME: 'chat' },
    );
    const [request] = named(spans, 'POST /api/v1/chat/:conversation_id/stream');
    const [turn] = named(spans, 'reply');
    const tries = named(spans, 'chat test-model');
    expect([request.kind, turn.kind, ...tries.map(({ kind }) => kind)]).toEqual([
      KINDS.SERVER,
      KINDS.INTERNAL,
      KINDS.CLIENT,
      KINDS.CLIENT,
    ]);
    expect([turn.parentSpanId, ...tries.map(({ parentSpanId }) => parentSpanId)]).toEqual([
      request.spanId,
      turn.spanId,
      turn.spanId,
    ]);
    expect(new Set([request, turn, ...tries].map(({ traceId }) => traceId)).size).toBe(1);
    expect(request.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/api/v1/chat/:conversation_id/stream',
      'http.response.status_code': 200,
    });
    expect(request.attributes['parley.db.statements']).toBeGreaterThan(1);
    expect(turn.attributes).toMatchObject({
      'gen_ai.conversation.id': conversation,
      'gen_ai.response.model': 'test-model',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 12,
      'gen_ai.usage.output_tokens': 201,
      'parley.reply.status': 'completed',
    });
    expect(tries.map(({ attributes, status }) => [attributes['error.type'], status?.code ?? 0])).toEqual([
      ['provider_unavailable', 2],
      [undefined, 0],
    ]);
    expect(tries[1].attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'test-model',
      'gen_ai.response.time_to_first_chunk': expect.any(Number),
      'parley.try': 2,
      'parley.provider.own': false,
    });
    // Nothing per token, and nothing of people: their words, their names.
    expect(spans.length).toBeLessThan(10);
    const sent = JSON.stringify(collector.exports);
    for (const word of [CANARY, 'alice-of-the-traces']) expect(sent).not.toContain(word);

    expect(new Set(collector.paths)).toEqual(new Set(['/v1/traces']));
    expect(collector.headers[0].authorization).toBe('Bearer abc');
    expect(valuesOf(collector.exports[0].resourceSpans[0].resource.attributes)).toMatchObject({
      'service.name': 'chat',
      'service.version': expect.stringMatching(/^\d+\.\d+\.\d+$/),
      'service.instance.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it('that a client has begun to trace goes on in its trace, as far as the provider of the operator', async () => {
    model.script(reply('Hello'));
    const spans = await traced(async (alice) => {
      const { id } = await alice.conversation();
      await (await alice.stream(id, 'Hi', { traceparent: `00-${TRACE}-${PARENT}-01` })).done();
    });
    const [request] = named(spans, 'POST /api/v1/chat/:conversation_id/stream');
    const [attempt] = named(spans, 'chat test-model');
    expect([request.traceId, request.parentSpanId, attempt.traceId]).toEqual([TRACE, PARENT, TRACE]);
    expect(model.requests.at(-1)?.headers.traceparent).toBe(`00-${TRACE}-${attempt.spanId}-01`);
  });

  it('of a model that the user has brought is traced, but its provider is told nothing', async () => {
    model.otherwise(reply('Hello'));
    const spans = await traced(
      async (alice) => {
        const provider = {
          name: 'mine',
          base_url: model.url,
          api_key: 'sk-own-0123456789',
          models: ['llama'],
        };
        expect((await alice.post('/providers', provider)).status).toBe(201);
        const { id } = await alice.conversation({ model: 'mine/llama' });
        await (await alice.stream(id, 'Hi', { traceparent: `00-${TRACE}-${PARENT}-01` })).done();
      },
      { PROVIDER_ALLOWED_HOSTS: '127.0.0.1' },
    );
    const [attempt] = named(spans, 'chat mine/llama');
    expect(attempt.attributes).toMatchObject({ 'parley.provider.own': true });
    expect(model.requests.at(-1)?.headers.traceparent).toBeUndefined();
  });

  it('that fails says why', async () => {
    model.otherwise(failure(401));
    const spans = await traced(async (alice) => {
      const { id } = await alice.conversation();
      await (await alice.stream(id, 'Hi')).done();
    });
    const [turn] = named(spans, 'reply');
    expect([turn.status?.code, turn.attributes['error.type']]).toEqual([2, 'provider_auth_failed']);
  });
});

describe('what is not traced', () => {
  it('health checks, traces that a client does not want, and a traceparent that is none is not believed', async () => {
    const spans = await traced(async (_alice, { url }) => {
      const ask = (path: string, traceparent: string) =>
        fetch(url + path, { headers: { 'x-user-id': 'alice', traceparent } });
      await ask('/health/ready', `00-${TRACE}-${PARENT}-01`);
      await ask('/api/v1/models', `00-${TRACE}-${PARENT}-00`);
      await ask('/api/v1/usage', 'canary');
    });
    expect(spans.map(({ name }) => name)).toEqual(['GET /api/v1/usage']);
    expect(JSON.stringify(collector.exports)).not.toContain('canary');
  });

  it('all but a share', async () => {
    const spans = await traced((alice) => alice.conversation(), { OTEL_TRACES_SAMPLER_ARG: '0' });
    expect(spans).toEqual([]);
  });

  it('anything without a collector: nobody is called', async () => {
    const spans = await traced((alice) => alice.conversation(), { OTEL_EXPORTER_OTLP_ENDPOINT: '' });
    expect(spans).toEqual([]);
  });
});

it('a collector that is away holds up nobody, not even the end', async () => {
  await collector.stop();
  model.otherwise(reply('Hello'));
  const began = performance.now();
  await traced(async (alice) => {
    const { id } = await alice.conversation();
    const reader = await (await alice.stream(id, 'Hi')).done();
    expect(reader.end.full_text).toBe('Hello');
    await until(async () => (await alice.get('/conversations')).status === 200);
  });
  expect(performance.now() - began).toBeLessThan(40_000);
  collector = new Collector();
  await collector.start();
});
