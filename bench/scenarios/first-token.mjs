import { setTimeout as sleep } from 'node:timers/promises';
import { EVERYBODY } from './scenario.mjs';

const PER_SECOND = 50;

/** @type {import('./scenario.mjs').Scenario} */
export const firstToken = {
  name: 'first-token',
  title: `request to first token, ${PER_SECOND} turns/s of 20 tokens`,
  servers: EVERYBODY,
  compare: 'p50',
  quick: true,
  async measure(bench, candidate) {
    const server = await bench.server(candidate);
    await bench.begin(server);
    const reply = { tokens: 20 };
    await bench.run({ job: 'arrivals', dialect: candidate.dialect, perSecond: PER_SECOND, reply });
    await sleep(300);
    const { busy, firstMs } = await bench.window(server, 4000);
    await bench.finish(`first token, ${candidate.name}`);
    return { ...firstMs, busy };
  },
};
