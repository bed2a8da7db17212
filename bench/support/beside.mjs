import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { median, quantile } from './statistics.mjs';
import { number, printRows } from './table.mjs';

/** The old build runs twice in each round, around the new one: two runs of the same code show what the machine makes of it. */
export const RUNS = /** @type {const} */ (['old A', 'new', 'old B']);
/** All rounds but the worst seventh count for how far the two runs of the old build are apart. */
const ROUNDS_OF_SPREAD = 0.85;
const HEADER = ['', 'server', 'figure', 'old', 'new', 'new : old', 'old : old', ''];

/** @typedef {import('../scenarios/scenario.mjs').Figures} Figures */
/** @typedef {import('../scenarios/scenario.mjs').Scenario} Scenario */
/** @typedef {import('./results.mjs').Results} Results */

/**
 * @typedef {object} Verdict
 * @property {number} old median of both runs of the old build
 * @property {number} new median
 * @property {number} change how much worse the new build is, as a part of the old: 0.05 is 5 % worse, below 0 is better
 * @property {number} spread how far apart two runs of the old build are
 * @property {boolean} worse
 */

/**
 * The three runs of each candidate.
 * @param {import('../candidates.mjs').Candidate[]} candidates
 * @param {string} folder of the old build
 * @returns {import('../candidates.mjs').Candidate[]}
 */
export function besideEachOther(candidates, folder) {
  const old = resolve(folder);
  if (candidates.length === 0) throw new Error('Only builds of the service can be compared.');
  for (const { script } of candidates)
    if (!existsSync(`${old}/${script}`)) throw new Error(`There is no ${script} in ${old}: build it first.`);
  return candidates.flatMap((candidate) =>
    RUNS.map((run) => ({
      ...candidate,
      id: `${candidate.name}, ${run}`,
      root: run === 'new' ? candidate.root : old,
    })),
  );
}

/**
 * Worse is only what is worse by more than the tolerance and by more than two runs of the same build differ.
 * @param {Record<typeof RUNS[number], number[]>} rounds the figure in each round
 * @param {{ more?: boolean, tolerance: number }} how whether more is better
 * @returns {Verdict}
 */
export function judge(rounds, { more = false, tolerance }) {
  const old = median([...rounds['old A'], ...rounds['old B']]);
  const fresh = median(rounds.new);
  const change = more ? old / fresh - 1 : fresh / old - 1;
  const spread = quantile(
    rounds['old A'].map((a, round) => apart(a, rounds['old B'][round])),
    ROUNDS_OF_SPREAD,
  );
  const known = old === fresh ? 0 : change;
  return { old, new: fresh, change: known, spread, worse: known > tolerance && known > spread };
}

/** @param {number} a @param {number} b */
function apart(a, b) {
  return a === b ? 0 : Math.max(a, b) / Math.min(a, b) - 1;
}

/**
 * Prints all figures and returns those that are worse.
 * @param {Results} results
 * @param {number} tolerance
 * @returns {string[]}
 */
export function compareBuilds(results, tolerance) {
  /** @type {string[]} */
  const worse = [];
  for (const [scenario, labels] of results.rounds()) {
    const rows = [...labels].flatMap(([label, servers]) =>
      serversIn(servers).flatMap((server) =>
        verdictsOf(scenario, server, servers, tolerance).map(([figure, verdict]) => {
          if (verdict.worse) worse.push([scenario.name, label, server, figure].filter(Boolean).join(', '));
          return [label, server, figure, ...cellsOf(verdict)];
        }),
      ),
    );
    console.log(`\n${scenario.title}`);
    printRows([HEADER, ...rows]);
  }
  console.log(
    `\nMedians. "worse": by more than ${percent(tolerance)}, and by more than two runs of the old build are apart ("old : old").`,
  );
  return worse;
}

/** @param {Map<string, Figures[]>} servers by the ids of their runs */
function serversIn(servers) {
  return [...new Set([...servers.keys()].map((id) => id.slice(0, id.lastIndexOf(','))))];
}

/**
 * @param {Scenario} scenario
 * @param {string} server
 * @param {Map<string, Figures[]>} servers
 * @param {number} tolerance
 * @returns {[string, Verdict][]}
 */
function verdictsOf({ unit, moreIsBetter }, server, servers, tolerance) {
  /** @type {[string, (figures: Figures) => number, boolean?][]} */
  const figures = [
    ['CPU µs/token', ({ cpu, pg = 0 }) => Number(cpu) + pg],
    ['p50 ms', ({ p50 }) => Number(p50)],
    ['p99 ms', ({ p99 }) => Number(p99)],
    ['turns/s', ({ turns }) => Number(turns), true],
    [unit ?? 'figure', ({ value }) => Number(value), moreIsBetter],
  ];
  return figures.flatMap(([name, read, more]) => {
    const of = (/** @type {typeof RUNS[number]} */ run) => (servers.get(`${server}, ${run}`) ?? []).map(read);
    const rounds = { 'old A': of('old A'), new: of('new'), 'old B': of('old B') };
    if (!rounds.new.every(Number.isFinite)) return [];
    return [/** @type {[string, Verdict]} */ ([name, judge(rounds, { more, tolerance })])];
  });
}

/** @param {Verdict} verdict */
function cellsOf({ old, new: fresh, spread, worse }) {
  const ratio = old > 0 ? (fresh / old).toFixed(3) : '';
  return [number(old), number(fresh), ratio, `± ${percent(spread)}`, worse ? 'WORSE' : 'not worse'];
}

/** @param {number} part */
function percent(part) {
  return `${(part * 100).toFixed(1)} %`;
}
