import { setTimeout as sleep } from 'node:timers/promises';
import { EVERYBODY } from './scenario.mjs';

const INTERVAL_US = 50_000;
const LIMIT_MS = 50;
const FIRST = 50;
const MOST = 3000;
const GROWTH = 1.15;
/** Far longer than a search; the streams are released at its end. */
const TOKENS = 9000;

/** @type {import('./scenario.mjs').Scenario} */
export const capacity = {
  name: 'capacity',
  title: `most streams at 20 tokens/s with p99 delay < ${LIMIT_MS} ms`,
  unit: 'streams',
  moreIsBetter: true,
  servers: EVERYBODY,
  compare: 'value',
  once: true,
  async measure(bench, candidate) {
    const server = await bench.server(candidate);
    await bench.begin(server);
    let held = 0;
    let failures = 0;
    for (let open = 0, goal = FIRST; goal <= MOST && failures < 2; goal = Math.ceil(goal * GROWTH)) {
      const reply = { tokens: TOKENS, intervalUs: INTERVAL_US, holdAfter: TOKENS + 1 };
      const count = goal - open;
      await bench.run({
        job: 'streams',
        dialect: candidate.dialect,
        count,
        spreadMs: Math.max(300, count * 3),
        reply,
      });
      open = goal;
      await sleep(500);
      const { delayMs } = await bench.window(server, 1500);
      if (delayMs.p99 < LIMIT_MS) [held, failures] = [goal, 0];
      else failures++;
    }
    await bench.release();
    await bench.finish(`capacity, ${candidate.name}`);
    return { value: held };
  },
};
