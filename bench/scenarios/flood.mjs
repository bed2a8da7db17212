import { setTimeout as sleep } from 'node:timers/promises';
import { EVERYBODY } from './scenario.mjs';

/** @type {import('./scenario.mjs').Scenario} */
export const flood = {
  name: 'flood',
  title: 'flood: 32 readers, 300-token replies as fast as the socket takes them',
  servers: EVERYBODY,
  compare: 'cost',
  quick: true,
  async measure(bench, candidate) {
    const server = await bench.server(candidate);
    await bench.begin(server);
    await bench.run({ job: 'loop', dialect: candidate.dialect, count: 32, reply: { tokens: 300 } });
    await sleep(300);
    const { cpu, pg, busy, turnsPerSecond } = await bench.window(server, 3000);
    await bench.finish(`flood, ${candidate.name}`);
    return { cpu, pg, busy, turns: turnsPerSecond };
  },
};
