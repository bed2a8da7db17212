/*
 * The long fault runs: npm run faults -- --rounds 200 --seed 7 [--database embedded|postgresql] [--scenario kill|crash|…]
 * PostgreSQL is taken from the machine, in a directory of its own. Ends with a table of what was done and found.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const SCENARIOS = [
  'kill',
  'crash',
  'reconnect',
  'race',
  'proxy',
  'rolling',
  'signals',
  'attacks',
  'recovery',
  'providers',
  'migration',
  'search',
];
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    database: { type: 'string', default: 'postgresql' },
    scenario: { type: 'string', multiple: true, default: SCENARIOS },
  },
});
const unknown = values.scenario.filter((name) => !SCENARIOS.includes(name));
if (unknown.length || !['embedded', 'postgresql'].includes(values.database)) {
  console.error(`Unknown: ${[...unknown, values.database].join(', ')}. Scenarios: ${SCENARIOS.join(', ')}.`);
  process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), 'parley-faults-run-'));
const report = join(directory, 'report.jsonl');
const postgres = (action) =>
  execFileSync('bash', ['.ci/postgres', action, directory], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
const onServer = values.database === 'postgresql';
let code = 1;
try {
  console.log(
    `seed ${values.seed}, ${values.rounds} rounds, ${values.database}: ${values.scenario.join(', ')}`,
  );
  code = await runTests(onServer ? { TEST_DATABASE_URL: postgres('start') } : { TEST_DATABASE_URL: '' });
  printTable();
} finally {
  if (onServer) postgres('stop');
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = code;

/** One scenario after the other, so that their times can be compared. */
function runTests(env) {
  const specs = values.scenario.map((name) => `test/faults/${name}.spec.ts`);
  const child = spawn('vitest', ['run', '--project=long', '--no-file-parallelism', ...specs], {
    stdio: 'inherit',
    env: {
      ...process.env,
      FAULTS_ROUNDS: values.rounds,
      FAULTS_SEED: values.seed,
      FAULTS_REPORT: report,
      ...env,
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.once('exit', (exit) => resolve(exit ?? 1)));
}

function printTable() {
  if (!existsSync(report)) return;
  const rows = readFileSync(report, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const names = [
    'scenario',
    'database',
    'seed',
    'rounds',
    'turns',
    'replies',
    'characters shown',
    'violations',
  ];
  names.push('ready p50/max', 'recovery p50/max');
  const common = rows.filter(({ table }) => !table);
  if (common.length) printRows(names, common);
  for (const row of common) {
    const more = Object.entries(row).filter(([name]) => !names.includes(name));
    console.log(`${row.scenario}: ${more.map(([name, value]) => `${name} ${value}`).join(', ')}`);
  }
  // Scenarios that have a table of their own.
  for (const own of new Set(rows.map(({ table }) => table).filter(Boolean))) {
    const its = rows.filter(({ table }) => table === own);
    console.log(`\n${own}`);
    printRows(Object.keys(its[0]).slice(1), its);
  }
}

function printRows(names, rows) {
  console.log(`\n| ${names.join(' | ')} |\n|${names.map(() => ' --- |').join('')}`);
  for (const row of rows) console.log(`| ${names.map((name) => row[name]).join(' | ')} |`);
}
