const COLUMNS = [
  ['server', 10],
  ['CPU µs/token (+ PG)', 26],
  ['p50 ms', 18],
  ['p99 ms', 18],
  ['turns/s', 20],
  ['core', 6],
  ['figure', 24],
  ['× relay', 9],
  ['× AI SDK', 9],
];

/** @typedef {import('./results.mjs').Summary} Summary */

/** @param {import('./results.mjs').Results} results */
export function printTable(results) {
  const header = COLUMNS.map(([name, width]) => String(name).padEnd(Number(width))).join('');
  for (const { scenario, label, servers } of results.tables()) {
    console.log(`\n${scenario.title}${label && `: ${label}`}\n  ${header.trimEnd()}`);
    for (const [name, summary] of servers) {
      const cells = [name, ...cellsOf(scenario, summary, servers)];
      console.log(`  ${cells.map((cell, i) => cell.padEnd(Number(COLUMNS[i][1]))).join('')}`.trimEnd());
    }
  }
  console.log(
    '\nMedians, with the range over the rounds in brackets. Ratios are of CPU with PostgreSQL where CPU is shown and turns are' +
      '\nnot what is compared; for turns/s and streams more is better, elsewhere less. "core": share of its core that the server used.',
  );
}

/**
 * @param {import('../scenarios/scenario.mjs').Scenario} scenario
 * @param {Summary} summary
 * @param {Map<string, Summary>} servers
 */
function cellsOf({ compare, unit = '' }, summary, servers) {
  const { cpu, pg, p50, p99, turns, busy, value } = summary;
  const pgPart = pg.median > 0 ? ` + ${number(pg.median)}` : '';
  const ratio = (/** @type {string} */ other) => {
    const base = servers.get(other)?.[compare].median ?? Number.NaN;
    return Number.isFinite(base) ? (summary[compare].median / base).toFixed(2) : '–';
  };
  return [
    Number.isFinite(cpu.median) ? `${number(cpu.median)}${pgPart}${range(summary.cost)}` : '',
    spread(p50),
    spread(p99),
    spread(turns),
    Number.isFinite(busy.median) ? `${Math.round(busy.median * 100)}%` : '',
    Number.isFinite(value.median) ? `${number(value.median)} ${unit}${range(value)}` : '',
    ratio('relay'),
    ratio('ai-sdk'),
  ];
}

/** @param {Summary[string]} figure */
function spread(figure) {
  return Number.isFinite(figure.median) ? number(figure.median) + range(figure) : '';
}

/** @param {Summary[string]} figure */
function range({ min, max }) {
  return min === max ? '' : ` (${number(min)}–${number(max)})`;
}

/** @param {number} value */
function number(value) {
  if (value >= 100) return String(Math.round(value));
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
