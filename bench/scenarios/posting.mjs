import { encodeScript } from '../support/script.mjs';
import { withSeeded } from './few-and-many.mjs';
import { SERVICES } from './scenario.mjs';

const TURNS = 60;
const content = encodeScript({ tokens: 5, start: 0, intervalUs: 0, delayMs: 0, holdAfter: 0 });

/** The model sees what fits into so many tokens: the ten messages that there are, or the last ten of 10,000. */
const TEN_MESSAGES = { context_window: 2000, max_output_tokens: 500 };

/** @type {import('./scenario.mjs').Scenario} */
export const posting = {
  name: 'posting',
  title: 'posting a turn in a conversation of 10 and of 10,000 messages',
  unit: '× of 10',
  servers: SERVICES,
  compare: 'p50',
  once: true,
  measure: async (bench, candidate) => [
    ...(await measureTurns(bench, candidate, 'ten messages shown', TEN_MESSAGES)),
    ...(await measureTurns(bench, candidate, 'all that fits shown', {})),
  ],
};

/**
 * @param {import('../support/bench.mjs').Bench} bench
 * @param {import('../candidates.mjs').Candidate} candidate
 * @param {string} label
 * @param {object} limits of the model
 */
function measureTurns(bench, candidate, label, limits) {
  const turns = async (
    /** @type {import('./few-and-many.mjs').Measure} */ measure,
    /** @type {string} */ api,
    /** @type {Record<string, import('../support/seed.mjs').Seeded>} */ seeded,
  ) => {
    const say = (/** @type {string} */ user) =>
      post(`${api}/chat/${seeded[user].id}/stream`, user, seeded[user].leaf);
    await measure(`${label}: to its first token`, TURNS, async (user) => (await say(user)).start);
    await measure(`${label}: to its end`, TURNS, async (user) => (await say(user)).end);
  };
  return withSeeded(bench, candidate, turns, limits);
}

/**
 * A streamed turn and how long its parts took, in ms. Each goes behind the same message, so that no path grows.
 * @param {string} url
 * @param {string} user
 * @param {string} parent
 */
async function post(url, user, parent) {
  const began = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'X-User-ID': user, 'Content-Type': 'application/json' },
    body: JSON.stringify({ content, parent_id: parent }),
  });
  if (!response.ok || !response.body) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  let text = '';
  let start = Number.NaN;
  for await (const bytes of response.body) {
    text += new TextDecoder().decode(bytes);
    if (Number.isNaN(start) && text.includes('"type":"chunk"')) start = performance.now() - began;
  }
  if (!text.includes('"type":"end"')) throw new Error(`${url}: ${text}`);
  return { start, end: performance.now() - began };
}
