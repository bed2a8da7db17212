import { setTimeout as sleep } from 'node:timers/promises';
import { EVERYBODY } from './scenario.mjs';

/** @type {import('./scenario.mjs').Scenario} */
export const shortReplies = {
  name: 'short',
  title: 'short replies: 16 in a closed loop, 20 tokens each',
  servers: EVERYBODY,
  compare: 'turns',
  quick: true,
  async measure(bench, candidate) {
    const server = await bench.server(candidate);
    await bench.begin(server);
    await bench.run({ job: 'loop', dialect: candidate.dialect, count: 16, reply: { tokens: 20 } });
    await sleep(300);
    const { cpu, pg, busy, turnsPerSecond } = await bench.window(server, 3000);
    await bench.finish(`short replies, ${candidate.name}`);
    return { cpu, pg, busy, turns: turnsPerSecond };
  },
};
