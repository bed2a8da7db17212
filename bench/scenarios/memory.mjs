import { setTimeout as sleep } from 'node:timers/promises';
import { start } from '../candidates.mjs';
import { residentBytes } from '../support/proc.mjs';
import { EVERYBODY } from './scenario.mjs';

const STREAMS = 500;

/** @type {import('./scenario.mjs').Scenario} */
export const memory = {
  name: 'memory',
  title: `resident memory per open stream, ${STREAMS} that say nothing`,
  unit: 'kB',
  servers: EVERYBODY,
  compare: 'value',
  async measure(bench, candidate) {
    const server = await start(candidate, bench);
    const { dialect } = candidate;
    // So that code, pools and first pages are there; a long warm-up would leave room in the heap that hides the streams.
    await bench.begin(server);
    await bench.run({ job: 'streams', dialect, count: 30, spreadMs: 500, reply: { tokens: 20 } });
    await bench.finish(`memory, ${candidate.name}`);
    await sleep(500);
    const before = residentBytes(server.pid);
    await bench.begin(server);
    const reply = { tokens: 10, intervalUs: 1000, holdAfter: 3 };
    await bench.run({ job: 'streams', dialect, count: STREAMS, spreadMs: 2500, reply });
    await bench.opened(STREAMS);
    await sleep(1000);
    const value = (residentBytes(server.pid) - before) / 1024 / STREAMS;
    await bench.release();
    await bench.finish(`memory, ${candidate.name}`);
    await server.stop();
    return { value };
  },
};
