// The load generator: has turns with a server, reads the streams over plain sockets, counts, and checks every token.
import { serve } from '../support/rpc.mjs';
import { jobs } from './jobs.mjs';
import { Measure } from './measure.mjs';
import { Turns } from './turns.mjs';

let measure = new Measure();
/** @type {Turns | undefined} */
let turns;
/** @type {(() => void)[]} */
let stops = [];

serve({
  /** A server to talk to; what was counted before is forgotten. */
  begin(/** @type {{ port: number }} */ { port }) {
    turns?.close();
    measure = new Measure();
    turns = new Turns(measure, port);
    stops = [];
  },
  /** Begins a load, and returns when it is running. */
  async run(/** @type {{ job: string } & import('./jobs.mjs').Job} */ { job, ...options }) {
    if (turns) stops.push(await jobs[job](turns, options));
  },
  open: () => turns?.open,
  reset: () => measure.reset(),
  window: () => measure.window(),
  /** Begins no further turns and waits for those that run. */
  async finish() {
    for (const stop of stops.splice(0)) stop();
    await turns?.drained();
    return measure.totals();
  },
  close: () => turns?.close(),
});
