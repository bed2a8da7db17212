import { encodeScript } from '../support/script.mjs';
import { withSeeded } from './few-and-many.mjs';
import { SERVICES } from './scenario.mjs';

const TURNS = 60;
const content = encodeScript({ tokens: 5, start: 0, intervalUs: 0, delayMs: 0, holdAfter: 0 });

/** @type {import('./scenario.mjs').Scenario} */
export const posting = {
  name: 'posting',
  title: 'posting a turn in a conversation of 10 and of 10,000 messages (a full context window)',
  unit: '× of 10',
  servers: SERVICES,
  compare: 'p50',
  once: true,
  measure: (bench, candidate) =>
    withSeeded(bench, candidate, async (measure, api, seeded) => {
      const say = (/** @type {string} */ user) =>
        post(`${api}/chat/${seeded[user].id}/stream`, user, seeded[user].leaf);
      await measure('to its first token', TURNS, async (user) => (await say(user)).start);
      await measure('to its end', TURNS, async (user) => (await say(user)).end);
    }),
};

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
