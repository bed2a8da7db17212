import { setTimeout as sleep } from 'node:timers/promises';
import { start } from '../candidates.mjs';

const READERS = 100;
const INTERVAL_US = 20_000;

/** @type {import('./scenario.mjs').Scenario} */
export const manyReaders = {
  name: 'readers',
  title: `${READERS} readers on one reply at 50 tokens/s (relay: one buffer to all sockets)`,
  servers: ['relay', 'parley', 'embedded'],
  compare: 'cost',
  quick: true,
  async measure(bench, candidate) {
    const isRelay = candidate.name === 'relay';
    const server = isRelay
      ? await start({ ...candidate, script: 'bench/servers/fan-out.mjs' }, bench)
      : await bench.server(candidate);
    await bench.begin(server);
    const reply = { tokens: bench.quick ? 100 : 250, intervalUs: INTERVAL_US };
    await bench.run({ job: 'followers', dialect: candidate.dialect, count: READERS - 1, reply });
    await sleep(500);
    const { cpu, pg, busy, delayMs } = await bench.window(server, 3500);
    await bench.finish(`many readers, ${candidate.name}`, READERS);
    if (isRelay) await server.stop();
    return { cpu, pg, busy, ...delayMs };
  },
};
