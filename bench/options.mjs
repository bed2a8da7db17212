import { parseArgs } from 'node:util';
import { candidates } from './candidates.mjs';
import { scenarios } from './scenarios/all.mjs';

const HELP = `npm run bench -- [options]
  --only a,b      scenarios: ${scenarios.map(({ name }) => name).join(', ')}
  --servers a,b   of ${candidates.map(({ name }) => name).join(', ')}
  --embedded      also the service on its embedded database
  --rounds n      3
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
      quick: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const { quick, profile } = values;
  const servers = values.servers ?? (quick ? 'relay,parley' : 'pipe,relay,express,ai-sdk,parley');
  return {
    quick,
    profile,
    rounds: quick ? 1 : Number(values.rounds ?? 3),
    scenarios: chosen(scenarios, values.only).filter((scenario) => values.only || !quick || scenario.quick),
    candidates: chosen(candidates, values.embedded ? `${servers},embedded` : servers),
  };
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
