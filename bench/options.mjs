import { parseArgs } from 'node:util';
import { candidates, isService } from './candidates.mjs';
import { scenarios } from './scenarios/all.mjs';
import { besideEachOther } from './support/beside.mjs';

const ALL_SERVERS = 'pipe,relay,express,ai-sdk,parley';

const HELP = `npm run bench -- [options]
  --only a,b      scenarios: ${scenarios.map(({ name }) => name).join(', ')}
  --servers a,b   of ${candidates.map(({ name }) => name).join(', ')}
  --embedded      also the service on its embedded database
  --rounds n      3; 7 with --beside
  --beside dir    compares this build with the one in dir, which has been built; of parley (and embedded, if it is asked for)
  --tolerance n   3: so many % worse is not worse (only with --beside)
  --quick         a short form that fails on a lost or doubled token, never on a time
  --profile dir   CPU profiles of the service (see bench/profile.mjs)`;

/** What the command line asks for. */
export function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      servers: { type: 'string' },
      embedded: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      beside: { type: 'string' },
      tolerance: { type: 'string', default: '3' },
      quick: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const { quick, profile, beside } = values;
  const servers = values.servers ?? (beside ? 'parley' : quick ? 'relay,parley' : ALL_SERVERS);
  const wanted = chosen(candidates, values.embedded ? `${servers},embedded` : servers);
  return {
    quick,
    profile,
    beside,
    tolerance: wholeNumber('tolerance', values.tolerance) / 100,
    rounds: wholeNumber('rounds', values.rounds ?? (beside ? '7' : quick ? '1' : '3')),
    scenarios: chosen(scenarios, values.only).filter(
      (scenario) => values.only || (quick ? scenario.quick : !scenario.named),
    ),
    candidates: beside ? besideEachOther(wanted.filter(isService), beside) : wanted,
  };
}

/** @param {string} name @param {string} text */
function wholeNumber(name, text) {
  if (!/^\d{1,4}$/.test(text)) throw new Error(`--${name} must be a whole number.`);
  return Number(text);
}

/**
 * @template {{ name: string }} T
 * @param {T[]} all
 * @param {string | undefined} names
 */
function chosen(all, names) {
  if (!names) return all;
  const wanted = new Set(names.split(',').map((name) => name.trim()));
  const unknown = [...wanted].filter((name) => !all.some((one) => one.name === name));
  if (unknown.length > 0) throw new Error(`There is no ${unknown.join(', ')}.\n${HELP}`);
  return all.filter(({ name }) => wanted.has(name));
}
