// What this service costs, held against a bare pipe, a bare relay and what one would otherwise write: see bench/README.md.
import { readOptions } from './options.mjs';
import { compareBuilds } from './support/beside.mjs';
import { Bench } from './support/bench.mjs';
import { installed } from './support/install.mjs';
import { describeLoad, describeMachine } from './support/machine.mjs';
import { Postgres } from './support/postgres.mjs';
import { startHelper } from './support/processes.mjs';
import { Results } from './support/results.mjs';
import { printTable } from './support/table.mjs';

const options = readOptions();
// Each server and each folder has a listener for it.
process.setMaxListeners(50);
// Exiting is what ends the servers and the database of a run that is broken off.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
if (options.candidates.some(({ name }) => name === 'ai-sdk') && !installed()) {
  console.log('The AI SDK cannot be installed here: its column is left out.');
  options.candidates = options.candidates.filter(({ name }) => name !== 'ai-sdk');
}

const needsPostgres = options.candidates.some(({ storage }) => storage === 'postgres');
const postgres = needsPostgres ? await Postgres.start() : undefined;
const provider = await startHelper('provider/main.mjs');
const load = await startHelper('load/main.mjs');
const providerUrl = `http://127.0.0.1:${await provider.call('port')}/v1`;
const bench = new Bench({ provider, load, providerUrl, postgres }, options);

/** Figures of the new build. @type {string[]} */
let worse = [];
try {
  console.log(describeMachine(postgres?.version));
  const results = await measureAll();
  if (!options.beside) printTable(results);
  else worse = compareBuilds(results, options.tolerance);
  console.log(`\n${bench.checkedTokens} tokens were checked; load at the end ${describeLoad()}`);
} finally {
  await bench.stop();
  provider.stop();
  load.stop();
  await postgres?.stop();
}
if (worse.length > 0) {
  console.error(`WORSE\n${worse.join('\n')}`);
  process.exitCode = 1;
}
if (bench.faults.length > 0) {
  console.error(`FAILED\n${bench.faults.join('\n')}`);
  process.exitCode = 1;
}

/**
 * The servers take turns within each round, so that a slow moment of the machine hits all of them. Another one is first in each round where
 * builds are compared: whoever comes second pays for what the database still does for the first.
 * @param {number} round
 */
function inOrderOf(round) {
  const { candidates, beside } = options;
  const first = beside ? round % candidates.length : 0;
  return [...candidates.slice(first), ...candidates.slice(0, first)];
}

async function measureAll() {
  const results = new Results();
  for (let round = 1; round <= options.rounds; round++) {
    for (const scenario of options.scenarios) {
      if (round > 1 && scenario.once && !options.beside) continue;
      for (const candidate of inOrderOf(round)) {
        if (!scenario.servers.includes(candidate.name)) continue;
        const began = performance.now();
        const id = candidate.id ?? candidate.name;
        results.add(scenario, id, await scenario.measure(bench, candidate));
        const seconds = ((performance.now() - began) / 1000).toFixed(1);
        if (!options.quick) console.error(`round ${round}: ${scenario.name}, ${id}, ${seconds} s`);
      }
    }
  }
  return results;
}
