const HEADER = [
  '',
  'server',
  'CPU µs/token + PG',
  'p50 ms',
  'p99 ms',
  'turns/s',
  'core',
  'figure',
  '× relay',
  '× AI SDK',
];

/** @typedef {import('./results.mjs').Summary} Summary */

/** @param {import('./results.mjs').Results} results */
export function printTable(results) {
  for (const [scenario, labels] of results.tables()) {
    const rows = labels.flatMap(([label, servers]) =>
      [...servers].map(([name, summary]) => [label, name, ...cellsOf(scenario, summary, servers)]),
    );
    console.log(`\n${scenario.title}`);
    printRows([HEADER, ...rows]);
  }
  console.log(
    '\nMedians, in brackets the range over the rounds. Ratios are those of turns/s where turns are in a closed loop and short, of' +
      '\nCPU with PostgreSQL where CPU is shown otherwise, and of the only figure elsewhere. "core": what the server used of its own.',
  );
}

/** Without the columns that say nothing. @param {string[][]} rows the header first */
export function printRows(rows) {
  const columns = rows[0].map((_, i) => i).filter((i) => rows.some((row, at) => at > 0 && row[i] !== ''));
  const widths = columns.map((i) => Math.max(...rows.map((row) => row[i].length)));
  for (const row of rows)
    console.log(`  ${columns.map((i, at) => row[i].padEnd(widths[at])).join('  ')}`.trimEnd());
}

/**
 * @param {import('../scenarios/scenario.mjs').Scenario} scenario
 * @param {Summary} summary
 * @param {Map<string, Summary>} servers
 */
function cellsOf({ compare, unit = '' }, summary, servers) {
  const { cost, cpu, pg, p50, p99, turns, busy, value } = summary;
  const pgPart = pg.median > 0 ? ` + ${number(pg.median)}` : '';
  const ratio = (/** @type {string} */ other) => {
    const base = servers.get(other)?.[compare].median ?? Number.NaN;
    return base > 0 ? (summary[compare].median / base).toFixed(2) : '';
  };
  return [
    when(cpu, () => `${number(cpu.median)}${pgPart}${range(cost)}`),
    when(p50, () => number(p50.median) + range(p50)),
    when(p99, () => number(p99.median) + range(p99)),
    when(turns, () => number(turns.median) + range(turns)),
    when(busy, () => `${Math.round(busy.median * 100)}%`),
    when(value, () => `${number(value.median)} ${unit}${range(value)}`),
    ratio('relay'),
    ratio('ai-sdk'),
  ];
}

/** @param {Summary[string]} figure @param {() => string} text */
function when(figure, text) {
  return Number.isFinite(figure.median) ? text() : '';
}

/** @param {Summary[string]} figure */
function range({ min, max }) {
  return min === max ? '' : ` (${number(min)}–${number(max)})`;
}

/** @param {number} value */
export function number(value) {
  if (value >= 100) return String(Math.round(value));
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
