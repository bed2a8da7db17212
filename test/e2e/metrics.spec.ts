import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { MetricsPort } from '../../src/metrics/metrics-port';
import { createTestApp } from '../support/create-test-app';
import { done, failure, finish, reply, stream, text, usage } from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { until } from '../support/until';
import { useChatApp } from '../support/use-chat-app';

const TOKEN = 'a-token-of-prometheus';

/** `name{labels}` or `name` → value. */
type Samples = Map<string, number>;

function samplesOf(exposition: string): Samples {
  const lines = exposition.split('\n').filter((line) => line && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

const t = useChatApp(
  { METRICS_TOKEN: TOKEN, LLM_MAX_RETRIES: '1', PROVIDER_ALLOWED_HOSTS: '127.0.0.1' },
  { own: 'counts what everybody does' },
);
const { model } = t;
const alice = t.client('alice');
beforeEach(() => model.reset());

const ask = (authorization?: string, url = `${t.url}/metrics`) =>
  fetch(url, { headers: authorization === undefined ? {} : { authorization } });

async function metrics(): Promise<Samples> {
  const response = await ask(`Bearer ${TOKEN}`);
  expect(response.status).toBe(200);
  return samplesOf(await response.text());
}

/** What the work adds to each sample; waited for, since some is counted after its answer. */
async function added(work: () => Promise<unknown>, sample: string): Promise<(name: string) => number> {
  const before = await metrics();
  await work();
  const after = await until(async () => {
    const now = await metrics();
    return (now.get(sample) ?? 0) > (before.get(sample) ?? 0) && now;
  });
  return (name) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
}

describe('who may see metrics', () => {
  it.each([
    undefined,
    '',
    TOKEN,
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    `Basic ${TOKEN}`,
    'Bearer ',
  ])('not who offers %j', async (authorization) => {
    const response = await ask(authorization);
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer realm="metrics"',
    ]);
    expect(await response.text()).not.toContain('parley_');
  });

  it('who has the token, in the format of Prometheus, and nobody is to keep it', async () => {
    const response = await ask(`Bearer ${TOKEN}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('nobody where they are off: there is no such page', async () => {
    const app = await createTestApp({ env: model.env });
    try {
      for (const authorization of [undefined, `Bearer ${TOKEN}`])
        expect((await ask(authorization, `${app.url}/metrics`)).status).toBe(404);
    } finally {
      await app.close();
    }
  });
});

describe('a port of their own', () => {
  async function withPort(env: NodeJS.ProcessEnv, work: (url: string, api: string) => Promise<void>) {
    const app = await createTestApp({ env: { ...model.env, METRICS_PORT: '0', ...env } });
    try {
      await work(app.app.get(MetricsPort).url ?? '', app.url);
    } finally {
      await app.close();
    }
  }

  /** Reads the answer to its end, so that its connection is free. */
  async function statusOf(url: string, method = 'GET'): Promise<number> {
    const response = await fetch(url, { method });
    await response.text();
    return response.status;
  }

  it('has them, on loopback, without a token, and nothing else; then the port of the API has none', () =>
    withPort({}, async (url, api) => {
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
      expect(await (await fetch(url)).text()).toContain('parley_database_up 1');
      for (const path of ['/', '/health', '/api/v1', '/metrics/', '/metrics?a=1'])
        expect(await statusOf(new URL(path, url).href)).toBe(404);
      expect(await statusOf(url, 'POST')).toBe(404);
      expect(await statusOf(`${api}/metrics`)).toBe(404);
    }));

  it('asks for the token, if there is one', () =>
    withPort({ METRICS_TOKEN: TOKEN }, async (url, api) => {
      expect((await fetch(url)).status).toBe(401);
      expect((await ask(`Bearer ${TOKEN}`, url)).status).toBe(200);
      expect((await ask(`Bearer ${TOKEN}`, `${api}/metrics`)).status).toBe(404);
    }));

  it('takes 16 connections', () =>
    withPort({}, async (url) => {
      const { hostname, port } = new URL(url);
      const sockets = Array.from({ length: 17 }, () => connect(Number(port), hostname));
      await Promise.all(sockets.map((socket) => once(socket, 'connect')));
      const closed = await Promise.race(sockets.map((socket) => once(socket, 'close')));
      expect(closed).toEqual([expect.any(Boolean)]);
      sockets.forEach((socket) => socket.destroy());
    }));

  it('that cannot be had ends the start, and says which variable it is about', () =>
    withPort({}, async (url) => {
      const env = { ...model.env, METRICS_PORT: new URL(url).port };
      await expect(createTestApp({ env })).rejects.toThrow(/METRICS_PORT.*EADDRINUSE/);
    }));
});

describe('what is counted', () => {
  it('a turn: its requests, tries, tokens, times, batches and statements', async () => {
    model.script(failure(503), stream(text('One'), text(' two'), finish(), usage(12, 3), done()));
    const { id } = await alice.conversation();
    const more = await added(
      async () => (await alice.stream(id, 'Hi')).done(),
      'parley_http_requests_total{method="POST",route="/api/v1/chat/:conversation_id/stream",status="200"}',
    );
    const of = '{model="test-model"}';
    expect(more('parley_replies_total{model="test-model",status="completed",error="none"}')).toBe(1);
    expect(more('parley_model_attempts_total{provider="openai",model="test-model",outcome="ok"}')).toBe(1);
    expect(
      more(
        'parley_model_attempts_total{provider="openai",model="test-model",outcome="provider_unavailable"}',
      ),
    ).toBe(1);
    expect(more('parley_tokens_total{model="test-model",kind="input"}')).toBe(12);
    expect(more('parley_tokens_total{model="test-model",kind="output"}')).toBe(3);
    for (const name of ['parley_first_token_seconds', 'parley_token_seconds'])
      expect(more(`${name}_count${of}`)).toBe(1);
    expect(more('parley_reply_duration_seconds_count{status="completed"}')).toBe(1);
    for (const name of [
      'parley_journal_batch_seconds',
      'parley_journal_batch_characters',
      'parley_journal_batch_replies',
    ])
      expect(more(`${name}_count`)).toBeGreaterThan(0);
    expect(more('parley_database_statement_seconds_count')).toBeGreaterThan(2);
  });

  it('what is going on: running and queued replies, readers, the pool', async () => {
    const { id } = await alice.conversation();
    const gate = hold();
    model.script(reply(['One', gate]), reply('Two'));
    const running = await (await alice.stream(id, 'Hi')).count(2);
    const queued = await alice.open('POST', `/chat/${id}/stream`, { content: 'Hi again', on_busy: 'queue' });
    const now = await metrics();
    expect([now.get('parley_replies_running'), now.get('parley_replies_queued')]).toEqual([1, 1]);
    expect(now.get('parley_readers')).toBe(2);
    expect(now.get('parley_database_up')).toBe(1);
    expect(now.get('parley_storage_full')).toBe(0);
    const connections = ['busy', 'idle'].map(
      (state) => now.get(`parley_database_connections{state="${state}"}`) ?? 0,
    );
    expect(connections[0] + connections[1]).toBeGreaterThan(0);
    const waits = now.get('parley_queue_wait_seconds_count') ?? 0;
    gate.release();
    await Promise.all([running.done(), queued.done()]);
    const later = await metrics();
    expect([later.get('parley_replies_running'), later.get('parley_replies_queued')]).toEqual([0, 0]);
    expect(later.get('parley_queue_wait_seconds_count')).toBe(waits + 1);
  });

  it('no more series than code and configuration have: no ids, users, paths of anybody, nor models that users have brought', async () => {
    const provider = {
      name: 'canary',
      base_url: model.url,
      api_key: 'key-of-a-user',
      models: ['canary-model'],
    };
    const bob = t.client('canary-user');
    expect((await bob.post('/providers', provider)).status).toBe(201);
    const { id } = await bob.conversation({ model: 'canary/canary-model' });
    model.script(reply('From my own model.'));
    await (await bob.stream(id, 'Hi')).done();
    await fetch(`${t.url}/canary/path`);
    await fetch(`${t.url}/api/v1/messages/${id}`, { headers: { 'x-user-id': 'canary-user' } });
    const now = await until(async () => {
      const all = await metrics();
      return all.has('parley_http_requests_total{method="GET",route="none",status="404"}') && all;
    });
    expect(now.get('parley_replies_total{model="own",status="completed",error="none"}')).toBe(1);
    expect(now.get('parley_model_attempts_total{provider="own",model="own",outcome="ok"}')).toBe(1);
    const names = [...now.keys()].join('\n');
    for (const word of ['canary', id, t.user('canary-user'), 'key-of-a-user'])
      expect(names).not.toContain(word);
    const labels = new Set([...names.matchAll(/[{,](\w+)="/g)].map(([, label]) => label));
    expect([...labels].filter((label) => !BOUNDED.has(label))).toEqual([]);
  });
});

/** Labels, each of which has as many values as the code or the configuration names. */
const BOUNDED = new Set([
  'method',
  'route',
  'status',
  'provider',
  'model',
  'outcome',
  'error',
  'kind',
  'state',
  'le',
  'version',
  // Of Node: kinds of collections, of handles, of spaces of the heap.
  'type',
  'space',
  'major',
  'minor',
  'patch',
]);

describe('the dashboard', () => {
  interface Dashboard {
    panels: { title: string; targets: { expr: string }[] }[];
  }
  const file = join(__dirname, '../../docs/grafana-dashboard.json');
  const { panels } = JSON.parse(readFileSync(file, 'utf8')) as Dashboard;
  const named = (expr: string) =>
    [...expr.matchAll(/\b(?:parley|nodejs|process)_\w+/g)].map(([name]) => name);

  it('has expressions on metrics that there are, each with the labels that it has, and shows all that are ours', async () => {
    const response = await ask(`Bearer ${TOKEN}`);
    const exposition = await response.text();
    const metricsThere = new Set(
      [...exposition.matchAll(/^# TYPE (\S+) (\w+)$/gm)].flatMap(([, name, type]) =>
        type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => `${name}${end}`) : [name],
      ),
    );
    const used = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => named(expr)));
    expect(used.length).toBeGreaterThan(panels.length);
    expect(used.filter((name) => !metricsThere.has(name))).toEqual([]);
    const base = (name: string) => name.replace(/_(bucket|sum|count)$/, '');
    const shown = new Set(used.map(base));
    const ours = [...metricsThere].filter((name) => name.startsWith('parley_')).map(base);
    expect([...new Set(ours)].filter((name) => !shown.has(name))).toEqual([]);
  });

  it('and the documentation, name each metric of ours', async () => {
    const documented = readFileSync(join(__dirname, '../../docs/operate.md'), 'utf8');
    const exposition = await (await ask(`Bearer ${TOKEN}`)).text();
    const ours = [...exposition.matchAll(/^# TYPE (parley_\S+) /gm)].map(([, name]) => name);
    expect(ours.filter((name) => !documented.includes(`\`${name}\``))).toEqual([]);
    const told = new Set([...documented.matchAll(/`(parley_\w+)`/g)].map(([, name]) => name));
    expect([...told].filter((name) => !ours.includes(name))).toEqual([]);
  });
});
