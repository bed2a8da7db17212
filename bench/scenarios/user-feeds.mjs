import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { start } from '../candidates.mjs';
import { cpuUs, familyCpuUs, residentBytes } from '../support/proc.mjs';
import { encodeScript } from '../support/script.mjs';
import { SERVICES } from './scenario.mjs';

const IDLE_FEEDS = 5_000;
const IDLE_MS = 20_000;
const READ_FEEDS = 500;
const TOKENS = 200;
const INTERVAL_US = 50_000;

/** @type {import('./scenario.mjs').Scenario} */
export const userFeeds = {
  name: 'user-feeds',
  title: `feeds of users (GET /events): ${IDLE_FEEDS} that are idle, ${READ_FEEDS} with chunks at 20 tokens/s each (with --quick 100 and 10)`,
  unit: '',
  servers: SERVICES,
  compare: 'value',
  quick: true,
  once: true,
  async measure(bench, candidate) {
    const server = await start(candidate, bench);
    const url = `http://127.0.0.1:${server.port}/api/v1`;
    try {
      return [...(await idle(bench, server, url)), ...(await withChunks(bench, server, url))];
    } finally {
      await server.stop();
    }
  },
};

/** Users of whom nothing happens. @param {import('../support/bench.mjs').Bench} bench @param {{ pid: number }} server @param {string} url */
async function idle(bench, { pid }, url) {
  const count = bench.quick ? 100 : IDLE_FEEDS;
  const warmed = await openFeeds(url, 'warm', 50);
  await sleep(500);
  const before = residentBytes(pid);
  const feeds = await openFeeds(url, 'idle', count);
  // Until connections, timers and the process's notion of being alone have settled, and idle sessions of PostgreSQL have counted what came before (10 s).
  await sleep(bench.quick ? 500 : 12_000);
  const memory = (residentBytes(pid) - before) / 1024 / count;
  const cpu = cpuUs(pid);
  const statements = await committed(bench);
  const ms = bench.quick ? 1_000 : IDLE_MS;
  await sleep(ms);
  const busy = ((cpuUs(pid) - cpu) / 1e3 / ms) * 100;
  const perSecond = ((await committed(bench)) - statements) / (ms / 1_000);
  [...warmed, ...feeds].forEach((feed) => feed.close());
  return [
    { label: `memory of an idle feed, kB`, value: memory },
    { label: `CPU of ${count} idle feeds, % of a core`, value: busy },
    { label: `transactions per second meanwhile, with all that the service does anyway`, value: perSecond },
  ];
}

/** Each user has a reply, which is read by the feed alone. @param {import('../support/bench.mjs').Bench} bench @param {{ pid: number }} server @param {string} url */
async function withChunks(bench, { pid }, url) {
  const count = bench.quick ? 10 : READ_FEEDS;
  const tokens = bench.quick ? 20 : TOKENS;
  const feeds = await openFeeds(url, 'chunks', count, 'include=chunks');
  const usesPostgres = bench.postgres?.pid;
  const before = { server: cpuUs(pid), postgres: usesPostgres ? familyCpuUs(usesPostgres) : 0 };
  for (const feed of feeds) {
    const script = { tokens, start: 0, intervalUs: INTERVAL_US, delayMs: 0, holdAfter: 0 };
    feed.say(encodeScript(script));
    await sleep(2);
  }
  await Promise.all(feeds.map((feed) => feed.ended));
  const server = cpuUs(pid) - before.server;
  const postgres = usesPostgres ? familyCpuUs(usesPostgres) - before.postgres : 0;
  for (const feed of feeds) {
    const shown = feed.events.filter(({ type }) => type === 'chunk').map(({ data }) => data.content);
    const { full_text } = feed.events.find(({ type }) => type === 'end')?.data ?? {};
    if (shown.join('') !== full_text)
      bench.faults.push('user-feeds: the chunks of a feed are not the text of its reply');
  }
  bench.checkedTokens += count * tokens;
  feeds.forEach((feed) => feed.close());
  return [
    { label: `CPU of a token with ${count} feeds and their turns, µs`, value: server / (count * tokens) },
    { label: `the same of PostgreSQL, µs`, value: postgres / (count * tokens) },
  ];
}

/** @param {string} url @param {string} kind @param {number} count @param {string} [query] */
async function openFeeds(url, kind, count, query) {
  const feeds = [];
  for (let n = 0; n < count; n += 50)
    feeds.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(50, count - n) }, (_, i) => Feed.open(url, `${kind}-${n + i}`, query)),
      )),
    );
  return feeds;
}

/** Of all of PostgreSQL; 0 where there is none. @param {import('../support/bench.mjs').Bench} bench */
async function committed(bench) {
  if (!bench.postgres) return 0;
  const rows = await bench.postgres.query('SELECT sum(xact_commit)::float8 AS count FROM pg_stat_database');
  return Number(rows[0].count);
}

/** One user's feed. */
class Feed {
  /** @type {{ type: string, data: any }[]} */
  events = [];
  /** @type {PromiseWithResolvers<void>} */
  #ended = Promise.withResolvers();
  #rest = '';

  /** @param {string} url @param {string} user @param {string} [query] @returns {Promise<Feed>} */
  static open(url, user, query) {
    return new Promise((resolve, reject) => {
      const opening = request(`${url}/events${query ? `?${query}` : ''}`, {
        headers: { 'X-User-ID': user },
        agent: false,
      });
      opening.on('error', reject);
      opening.on('response', (response) => {
        if (response.statusCode !== 200) reject(new Error(`A feed was answered ${response.statusCode}`));
        else resolve(new Feed(url, user, response));
      });
      opening.end();
    });
  }

  /** @param {string} url @param {string} user @param {import('node:http').IncomingMessage} response */
  constructor(url, user, response) {
    this.url = url;
    this.user = user;
    this.response = response;
    response.setEncoding('utf8');
    response.on('error', () => undefined);
    response.on('data', (text) => this.#take(text));
  }

  get ended() {
    return this.#ended.promise;
  }

  /** @param {string} content */
  say(content) {
    const headers = { 'X-User-ID': this.user, 'Content-Type': 'application/json' };
    const asking = request(`${this.url}/chat`, { method: 'POST', headers, agent: false }, (answer) =>
      answer.destroy(),
    );
    asking.on('error', () => undefined);
    asking.end(JSON.stringify({ content }));
  }

  close() {
    this.response.destroy();
  }

  /** @param {string} text */
  #take(text) {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data: ')) continue;
      const event = JSON.parse(line.slice(6));
      this.events.push(event);
      if (event.type === 'end' || event.type === 'error') this.#ended.resolve();
    }
  }
}
