import { setTimeout as sleep } from 'node:timers/promises';
import { EVERYBODY } from './scenario.mjs';

const INTERVAL_US = 50_000;
const WINDOW_MS = 4000;

/** @param {number} count @param {boolean} quick @returns {import('./scenario.mjs').Scenario} */
function paced(count, quick = false) {
  return {
    name: `streams-${count}`,
    title: `${count} streams at 20 tokens/s`,
    servers: EVERYBODY,
    compare: 'cost',
    quick,
    async measure(bench, candidate) {
      const server = await bench.server(candidate);
      const spreadMs = count > 300 ? 2000 : 1000;
      const windowMs = bench.quick ? 1000 : WINDOW_MS;
      const tokens = Math.ceil((spreadMs + 500 + windowMs + 700) / (INTERVAL_US / 1000));
      await bench.begin(server);
      const reply = { tokens, intervalUs: INTERVAL_US };
      await bench.run({ job: 'streams', dialect: candidate.dialect, count, spreadMs, reply });
      await sleep(500);
      const { cpu, pg, busy, delayMs } = await bench.window(server, windowMs);
      await bench.finish(`${count} streams, ${candidate.name}`);
      return { cpu, pg, busy, ...delayMs };
    },
  };
}

export const streams50 = paced(50, true);
export const streams200 = paced(200);
export const streams500 = paced(500);
