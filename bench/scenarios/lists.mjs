import { FEW, MANY } from '../support/seed.mjs';
import { withSeeded } from './few-and-many.mjs';
import { SERVICES } from './scenario.mjs';

const REQUESTS = 200;
/** Much may cost at most so many times as little; these are medians of calls in turn, so noise does not reach it. */
const LIMIT = 2;

/** The same number of rows in every answer (but for the second), so that only the search for them can differ. */
const CALLS = /** @type {[string, (id: string) => string, boolean?][]} */ ([
  ['GET /conversations?limit=2', () => '/conversations?limit=2'],
  ['GET /conversations/{id}', (id) => `/conversations/${id}`],
  ['GET /conversations/{id}/messages?limit=2', (id) => `/conversations/${id}/messages?limit=2`],
  ['GET /chat/{id}/history?limit=2, deep inside', (id) => `/chat/${id}/history?limit=2`, true],
]);

/** @type {import('./scenario.mjs').Scenario} */
export const lists = {
  name: 'lists',
  title: 'lists and histories with 10 and 10,000 conversations or messages',
  unit: '× of 10',
  servers: SERVICES,
  compare: 'p50',
  once: true,
  async measure(bench, candidate) {
    const figures = await withSeeded(bench, candidate, async (measure, api, seeded) => {
      for (const [label, pathOf, deep] of CALLS) {
        /** @type {Record<string, string>} */
        const urls = {};
        for (const user of [FEW, MANY]) {
          const url = api + pathOf(seeded[user].id);
          urls[user] = deep ? await deepInside(user, url) : url;
        }
        await measure(label, REQUESTS, async (user) => {
          const began = performance.now();
          await get(user, urls[user]);
          return performance.now() - began;
        });
      }
    });
    for (const { label, value = 0 } of figures)
      if (value >= LIMIT) bench.faults.push(`${candidate.name}, ${label}: ${value.toFixed(2)} × of 10`);
    return figures;
  },
};

/** A page of a long history: that of the hundredth cursor, or the last one there is. @param {string} user @param {string} url */
async function deepInside(user, url) {
  let current = url;
  for (let page = 0; page < 100; page++) {
    const { next_cursor: cursor } = await get(user, current);
    if (!cursor) break;
    current = `${url}&cursor=${cursor}`;
  }
  return current;
}

/** @param {string} user @param {string} url */
async function get(user, url) {
  const response = await fetch(url, { headers: { 'X-User-ID': user } });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}
