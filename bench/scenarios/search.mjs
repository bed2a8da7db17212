import { newStorage, start } from '../candidates.mjs';
import { quantile } from '../support/statistics.mjs';
import { seedSearch, WORDS } from '../support/seed-search.mjs';
import { SERVICES } from './scenario.mjs';

const USER = 'searcher';
/** Users who say the same words. */
const OTHERS = 10;
const MESSAGES = Number(process.env.BENCH_SEARCH_MESSAGES ?? 1_000_000);
const REQUESTS = 100;
const WARM_UP = 10;
/** The 95th percentile on PostgreSQL, ms. */
const LIMIT = 100;

const { common, frequent, seldom, rare } = WORDS;
const day = new Date(Date.now() - 400 * 86_400_000).toISOString();
/** What is asked for, and the page of it where that is not the first. @type {[string, string, number?][]} */
const CALLS = [
  ['a word in half of all', `/search?q=${common}`],
  ['the same, page 100', `/search?q=${common}&limit=20`, 100],
  ['two of them', `/search?q=${common}%20${frequent}`],
  ['a phrase of two', `/search?q="${frequent}%20${seldom}"`],
  ['a phrase of three, in none', `/search?q="${common}%20${frequent}%20${common}"`],
  ['in every thousandth', `/search?q=${seldom}`],
  ['the same, page 20', `/search?q=${seldom}`, 20],
  ['in five', `/search?q=${rare}`],
  ['one common, one rare', `/search?q=${common}%20${rare}`],
  ['a common one without another', `/search?q=${frequent}%20-${common}`],
  ['in none', `/search?q=nowhereatall`],
  ['one letter', `/search?q=k`],
  ['a common one, a year ago', `/search?q=${common}&to=${day}`],
  ['a common one of replies alone', `/search?q=${common}&role=assistant`],
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
    const others = Array.from({ length: OTHERS }, (_, n) => [`other-${n}`, MESSAGES / 100]);
    await seedSearch(storage, { [USER]: MESSAGES, ...Object.fromEntries(others) });
    const server = await start(candidate, bench, storage);
    const figures = [];
    try {
      for (const [label, first, page = 1] of CALLS) {
        const path = await pageOf(server, first, page);
        const taken = [];
        for (let count = 0; count < REQUESTS + WARM_UP; count++) {
          const began = performance.now();
          await get(server, path);
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

/** The path of a page, by the cursors before it. @param {{ port: number }} server @param {string} first @param {number} page */
async function pageOf(server, first, page) {
  let path = first;
  for (let count = 1; count < page; count++) {
    const { next_cursor: cursor } = await get(server, path);
    if (!cursor) throw new Error(`${first} has ${count} pages`);
    path = `${first}&cursor=${cursor}`;
  }
  return path;
}

/** @param {{ port: number }} server @param {string} path */
async function get({ port }, path) {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1${path}`, { headers: { 'X-User-ID': USER } });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}
