import { newStorage, start } from '../candidates.mjs';
import { quantile } from '../support/statistics.mjs';
import { SERVICES } from './scenario.mjs';

const REMEMBERED = 400;
const FIRST_SIGHTS = 40;
/** What the list takes by itself. */
const OWN_STATEMENTS = 1;
/** Its credential is looked up, and its user. */
const FIRST_SEEN = 'first seen';
const PATH = '/conversations?limit=1';
const PASSWORD = 'a long walk in the rain';
const JWT_SECRET = 'only for measuring, only for measuring';
/** Keys are made long after the owner has logged in. */
const TOKEN_MODE = { AUTH_MODE: 'token', JWT_SECRET, REAUTHENTICATION_MAX_AGE_S: '86400' };

/** @typedef {Record<string, string>} Headers an identity */

/** @type {import('./scenario.mjs').Scenario} */
export const identity = {
  name: 'identity',
  title: 'an empty GET /conversations?limit=1: statements with who asks, and time',
  unit: 'statements',
  servers: SERVICES,
  compare: 'p50',
  once: true,
  async measure(bench, candidate) {
    const counting = { ...candidate, preload: 'bench/support/count-statements.cjs' };
    const figures = [
      ...(await withServer(bench, counting, { AUTH_MODE: 'header' }, headerMode)),
      ...(await withServer(bench, counting, TOKEN_MODE, tokenMode)),
    ];
    for (const { label, value } of figures)
      if (value > OWN_STATEMENTS + (label.endsWith(FIRST_SEEN) ? 2 : 1))
        bench.faults.push(`${candidate.name}, ${label}: ${value} statements`);
    return figures;
  },
};

/**
 * @param {import('../support/bench.mjs').Bench} bench
 * @param {import('../candidates.mjs').Candidate} candidate
 * @param {Record<string, string>} env
 * @param {(api: string) => Promise<Awaited<ReturnType<typeof measureBoth>>>} work
 */
async function withServer(bench, candidate, env, work) {
  const storage = await newStorage(candidate, bench);
  const server = await start(candidate, bench, storage, env);
  try {
    return await work(`http://127.0.0.1:${server.port}/api/v1`);
  } finally {
    await server.stop();
    storage.remove();
  }
}

/** @param {string} api */
async function headerMode(api) {
  return measureBoth(api, 'X-User-ID', async (i) => ({ 'X-User-ID': `user-${i}` }));
}

/** @param {string} api */
async function tokenMode(api) {
  const account = { username: 'bench', password: PASSWORD };
  await post(api, '/auth/register', { ...account, email: 'bench@example.com' });
  const logIn = async () => {
    const { access_token: token } = await post(api, '/auth/token', account);
    return { Authorization: `Bearer ${token}` };
  };
  const owner = await logIn();
  const newKey = async (/** @type {number} */ i) => {
    const { key } = await post(api, '/api-keys', { name: `Key ${i}` }, owner);
    return { Authorization: `Bearer ${key}` };
  };
  return [...(await measureBoth(api, 'access token', logIn)), ...(await measureBoth(api, 'API key', newKey))];
}

/**
 * Requests of identities that the service has not seen, and then of one that it knows.
 * @param {string} api
 * @param {string} what
 * @param {(i: number) => Promise<Headers>} newIdentity
 */
async function measureBoth(api, what, newIdentity) {
  const identities = [];
  for (let i = 0; i < FIRST_SIGHTS; i++) identities.push(await newIdentity(i));
  const first = [];
  for (const headers of identities) first.push(await ask(api, headers));
  const later = [];
  for (let i = 0; i < REMEMBERED; i++) later.push(await ask(api, identities[i % FIRST_SIGHTS]));
  return [
    { label: `${what}, ${FIRST_SEEN}`, ...figuresOf(first) },
    { label: `${what}, known`, ...figuresOf(later) },
  ];
}

/** @param {{ ms: number, statements: number }[]} asked */
function figuresOf(asked) {
  const times = asked.map(({ ms }) => ms);
  const value = Math.max(...asked.map(({ statements }) => statements));
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), value };
}

/** @param {string} api @param {Headers} headers */
async function ask(api, headers) {
  const began = performance.now();
  const response = await fetch(api + PATH, { headers });
  await response.text();
  const ms = performance.now() - began;
  if (!response.ok) throw new Error(`${PATH}: ${response.status}`);
  return { ms, statements: Number(response.headers.get('x-statements')) };
}

/**
 * @param {string} api
 * @param {string} path
 * @param {Record<string, string>} body
 * @param {Headers} [headers]
 * @returns {Promise<any>}
 */
async function post(api, path, body, headers) {
  const response = await fetch(api + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}
