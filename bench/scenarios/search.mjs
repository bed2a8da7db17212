import { newStorage, start } from '../candidates.mjs';
import { quantile } from '../support/statistics.mjs';
import { encodeScript } from '../support/script.mjs';
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
/** Of a phrase that is nowhere, though its words stand together in every tenth message: an index of words has no places, so each of these messages is read. */
const LIMIT_OF_PHRASE = 1_000;

const AFTER_A_TURN = 'after a turn, which is indexed by it';
const NO_PHRASE = 'a phrase of three common words, in none';
const { common, frequent, seldom, rare } = WORDS;
const day = new Date(Date.now() - 400 * 86_400_000).toISOString();
/** What is asked for, and the page of it where that is not the first. @type {[string, string, number?][]} */
const CALLS = [
  [AFTER_A_TURN, `/search?q=something`],
  ['a word in half of all', `/search?q=${common}`],
  ['the same, page 100', `/search?q=${common}&limit=20`, 100],
  ['two of them', `/search?q=${common}%20${frequent}`],
  ['a phrase of two', `/search?q="${frequent}%20${seldom}"`],
  [NO_PHRASE, `/search?q="${common}%20${frequent}%20${common}"`],
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
  named: true,
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
          if (label === AFTER_A_TURN) await say(server);
          const began = performance.now();
          await get(server, path);
          if (count >= WARM_UP) taken.push(performance.now() - began);
        }
        const value = quantile(taken, 0.95);
        figures.push({ label, p50: quantile(taken, 0.5), p99: quantile(taken, 0.99), value });
        if (candidate.name === 'parley' && value > (label === NO_PHRASE ? LIMIT_OF_PHRASE : LIMIT))
          bench.faults.push(`search, ${label}: p95 ${value.toFixed(0)} ms`);
      }
    } finally {
      await server.stop();
      storage.remove();
    }
    return figures;
  },
};

/** A turn in a new conversation, up to its end. @param {{ port: number }} server */
async function say({ port }) {
  const content = encodeScript({ tokens: 100, start: 0, intervalUs: 0, delayMs: 0, holdAfter: 0 });
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/chat`, {
    method: 'POST',
    headers: { 'X-User-ID': USER, 'Content-Type': 'application/json' },
    body: JSON.stringify({ content }),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  await response.text();
}

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
