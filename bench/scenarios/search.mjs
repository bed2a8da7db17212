import { newStorage, start } from '../candidates.mjs';
import { quantile } from '../support/statistics.mjs';
import { seedSearch, WORDS } from '../support/seed-search.mjs';
import { SERVICES } from './scenario.mjs';

const USER = 'searcher';
const MESSAGES = Number(process.env.BENCH_SEARCH_MESSAGES ?? 1_000_000);
const REQUESTS = 100;
const WARM_UP = 10;
/** The 95th percentile on PostgreSQL, ms. */
const LIMIT = 100;

const { common, frequent, seldom, rare } = WORDS;
const day = new Date(Date.now() - 400 * 86_400_000).toISOString();
/** @type {[string, string][]} */
const CALLS = [
  ['a word in half of all', `/search?q=${common}`],
  ['two of them', `/search?q=${common}%20${frequent}`],
  ['a phrase of two', `/search?q="${frequent}%20${seldom}"`],
  ['in every thousandth', `/search?q=${seldom}`],
  ['in five', `/search?q=${rare}`],
  ['one common, one rare', `/search?q=${common}%20${rare}`],
  ['a common one without another', `/search?q=${frequent}%20-${common}`],
  ['in none', `/search?q=nowhereatall`],
  ['one letter', `/search?q=k`],
  ['a common one, a year ago', `/search?q=${common}&to=${day}`],
  ['a list of conversations, in half', `/conversations?q=${common}&limit=20`],
  ['a list of conversations, in five', `/conversations?q=${rare}&limit=20`],
];

/** @type {import('./scenario.mjs').Scenario} */
export const search = {
  name: 'search',
  title: `search in ${MESSAGES.toLocaleString('en')} messages of one user`,
  unit: 'ms, p95',
  servers: SERVICES,
  compare: 'p50',
  once: true,
  async measure(bench, candidate) {
    const storage = await newStorage(candidate, bench);
    await seedSearch(storage, USER, MESSAGES);
    const server = await start(candidate, bench, storage);
    const figures = [];
    try {
      for (const [label, path] of CALLS) {
        const taken = [];
        for (let count = 0; count < REQUESTS + WARM_UP; count++) {
          const began = performance.now();
          const response = await fetch(`http://127.0.0.1:${server.port}/api/v1${path}`, {
            headers: { 'X-User-ID': USER },
          });
          if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
          await response.arrayBuffer();
          if (count >= WARM_UP) taken.push(performance.now() - began);
        }
        const value = quantile(taken, 0.95);
        figures.push({ label, p50: quantile(taken, 0.5), p99: quantile(taken, 0.99), value });
        if (candidate.name === 'parley' && value > LIMIT)
          bench.faults.push(`search, ${label}: p95 ${value.toFixed(0)} ms`);
      }
    } finally {
      await server.stop();
      storage.remove();
    }
    return figures;
  },
};
