import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newStorage, start } from '../candidates.mjs';
import { FEW, MANY } from '../support/seed.mjs';
import { quantile } from '../support/statistics.mjs';

const WARM_UP = 20;

/**
 * Times calls of one who has little and of one who has much, in turn, so that a slow moment hits both.
 * @param {import('../support/bench.mjs').Bench} bench
 * @param {import('../candidates.mjs').Candidate} candidate
 * @param {(measure: Measure, api: string, seeded: Record<string, import('../support/seed.mjs').Seeded>) => Promise<void>} calls
 * @param {object} [limits] of the model
 */
export async function withSeeded(bench, candidate, calls, limits) {
  const storage = await newStorage(candidate, bench);
  // Each build fills its database as it knows it.
  const { seed } = /** @type {typeof import('../support/seed.mjs')} */ (
    await import(`${candidate.root}/bench/support/seed.mjs`)
  );
  const seeded = await seed(storage);
  const server = await start(candidate, bench, storage, limits && modelsFile(storage.dataDir, bench, limits));
  /** @type {(import('./scenario.mjs').Figures & { label: string })[]} */
  const figures = [];
  try {
    const measure = /** @type {Measure} */ (
      async (label, times, call) => figures.push(...(await measureBoth(label, times, call)))
    );
    await calls(measure, `http://127.0.0.1:${server.port}/api/v1`, seeded);
  } finally {
    await server.stop();
    storage.remove();
  }
  return figures;
}

/**
 * A file with one model, as environment.
 * @param {string} folder
 * @param {import('../support/bench.mjs').Bench} bench
 * @param {object} limits
 */
function modelsFile(folder, bench, limits) {
  const path = join(folder, 'models.json');
  const provider = { name: 'bench', base_url: bench.providerUrl, api_key_env: 'OPENAI_API_KEY' };
  const models = [{ id: 'bench', provider: 'bench', ...limits }];
  writeFileSync(path, JSON.stringify({ default_model: 'bench', providers: [provider], models }));
  return { MODELS_FILE: path, OPENAI_BASE_URL: undefined };
}

/** @typedef {(label: string, times: number, call: (user: string) => Promise<number>) => Promise<unknown>} Measure */

/**
 * @param {string} label
 * @param {number} times
 * @param {(user: string) => Promise<number>} call returns what it took
 */
async function measureBoth(label, times, call) {
  /** @type {Record<string, number[]>} */
  const taken = { [FEW]: [], [MANY]: [] };
  for (let i = 0; i < times + WARM_UP; i++) {
    for (const user of i % 2 ? [MANY, FEW] : [FEW, MANY]) {
      const ms = await call(user);
      if (i >= WARM_UP) taken[user].push(ms);
    }
  }
  const figuresOf = (/** @type {string} */ user) => ({
    p50: quantile(taken[user], 0.5),
    p99: quantile(taken[user], 0.99),
  });
  const [few, many] = [figuresOf(FEW), figuresOf(MANY)];
  return [
    { label: `${label}, 10`, ...few },
    { label: `${label}, 10,000`, ...many, value: many.p50 / few.p50 },
  ];
}
