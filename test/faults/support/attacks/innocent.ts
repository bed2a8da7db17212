import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../../../support/percentile';
import { forgetPeak, memoryOf } from '../memory';

const EVERY_MS = 100;
/** Every so manieth request is a turn. */
const TURN_EVERY = 10;
const HEALTH_EVERY_MS = 500;
const PATIENCE_MS = 20_000;
const HEALTH_PATIENCE_MS = 5_000;

/** What an innocent user, an orchestrator and the operating system saw for a while. */
export interface Observation {
  /** Of the user's requests, in milliseconds; one without an answer counts as long as it was waited for. */
  p95: number;
  requests: number;
  /** What was not answered as it should be, and how often. */
  failures: Record<string, number>;
  /** The slowest `GET /health/live`. */
  healthMs: number;
  /** Resident memory of the service in megabytes, at its highest and at the end. */
  memoryPeak: number;
  memoryAfter: number;
}

export interface Place {
  url: string;
  pid: number;
  /** Who the user is, as headers. */
  identity: Record<string, string>;
}

/**
 * Somebody who uses the service as one does: every 100 ms a list of models or conversations, and now and then a turn. Requests begin
 * when it is time, whether or not the last one has been answered.
 */
export async function observe({ url, pid, identity }: Place, until: Promise<unknown>): Promise<Observation> {
  const user = { headers: identity, agent: new Agent({ keepAlive: true }) };
  const seen: Omit<Observation, 'p95'> & { latencies: number[] } = {
    latencies: [],
    requests: 0,
    failures: {},
    healthMs: 0,
    memoryPeak: 0,
    memoryAfter: 0,
  };
  if (memoryOf(pid).now) forgetPeak(pid);
  const over = new AbortController();
  void until.finally(() => over.abort());
  const pending = new Set<Promise<void>>();
  const time = async (work: Promise<string | undefined>, take: (ms: number) => void) => {
    const began = performance.now();
    const failure = await work.catch((error: unknown) => String(error));
    if (failure) seen.failures[failure] = (seen.failures[failure] ?? 0) + 1;
    take(performance.now() - began);
  };
  const begin = (work: Promise<string | undefined>, take: (ms: number) => void) => {
    const timed = time(work, take).finally(() => pending.delete(timed));
    pending.add(timed);
  };

  const asking = (async () => {
    for (let index = 0; !over.signal.aborted; index++) {
      const request = index % TURN_EVERY === 5 ? TURN : index % 2 ? CONVERSATIONS : MODELS;
      begin(ask(url, { ...request, ...user }), (ms) => seen.latencies.push(ms));
      await sleep(EVERY_MS);
    }
  })();
  const probing = (async () => {
    while (!over.signal.aborted) {
      begin(ask(url, HEALTH), (ms) => (seen.healthMs = Math.max(seen.healthMs, ms)));
      await sleep(HEALTH_EVERY_MS);
    }
  })();
  await Promise.all([asking, probing]);
  ({ now: seen.memoryAfter, peak: seen.memoryPeak } = memoryOf(pid));
  await Promise.all(pending);
  user.agent.destroy();
  const { latencies, ...rest } = seen;
  return { ...rest, requests: latencies.length, p95: percentile(latencies, 0.95) };
}

interface Asked {
  method?: string;
  path: string;
  body?: string;
  from?: string;
  patienceMs?: number;
  headers?: Record<string, string>;
  agent?: Agent;
  /** What must be in the answer. */
  expected?: string;
}

const MODELS: Asked = { path: '/api/v1/models' };
const CONVERSATIONS: Asked = { path: '/api/v1/conversations' };
const TURN: Asked = {
  method: 'POST',
  path: '/api/v1/chat',
  body: JSON.stringify({ content: 'Are you there?' }),
  expected: '"type":"end"',
};
const HEALTH: Asked = { path: '/health/live', from: '127.0.0.9', patienceMs: HEALTH_PATIENCE_MS };

const GONE = new Set(['AbortError', 'TimeoutError']);

/** Reads the answer to its end, and says what is wrong with it. */
function ask(url: string, { path, body, from, patienceMs = PATIENCE_MS, expected = '', ...more }: Asked) {
  return new Promise<string | undefined>((resolve) => {
    const what = `${more.method ?? 'GET'} ${path}`;
    const request = httpRequest(url + path, {
      agent: false,
      localAddress: from,
      signal: AbortSignal.timeout(patienceMs),
      ...more,
      headers: { ...(body && { 'content-type': 'application/json' }), ...more.headers },
    });
    request.on('error', (error) => resolve(`${what}: ${GONE.has(error.name) ? 'no answer' : error.message}`));
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => (text += piece));
      response.on('error', () => resolve(`${what}: cut off`));
      response.on('end', () => {
        const code = /"code":"(\w+)"/.exec(text)?.[1] ?? '';
        const good = response.statusCode === 200 && text.includes(expected);
        resolve(good ? undefined : `${what}: ${response.statusCode} ${code}`);
      });
    });
    request.end(body);
  });
}
