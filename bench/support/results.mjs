import { summarise } from './statistics.mjs';

const FIGURES = /** @type {const} */ (['cpu', 'pg', 'p50', 'p99', 'turns', 'busy', 'value']);

/** @typedef {import('../scenarios/scenario.mjs').Scenario} Scenario */
/** @typedef {import('../scenarios/scenario.mjs').Figures} Figures */
/** @typedef {Record<string, { median: number, min: number, max: number }>} Summary */

/** What was measured, round by round. */
export class Results {
  /** By scenario, label and server. @type {Map<Scenario, Map<string, Map<string, Figures[]>>>} */
  #rows = new Map();

  /**
   * @param {Scenario} scenario
   * @param {string} server
   * @param {Figures | (Figures & { label?: string })[]} measured
   */
  add(scenario, server, measured) {
    const labels = getOr(this.#rows, scenario, () => new Map());
    for (const { label = '', ...figures } of [measured].flat()) {
      const servers = getOr(labels, label, () => new Map());
      getOr(servers, server, () => []).push(figures);
    }
  }

  /** For each scenario, the figures of all rounds by label and server. */
  rounds() {
    return this.#rows;
  }

  /**
   * For each scenario, the figures by label and server.
   * @returns {[Scenario, [string, Map<string, Summary>][]][]}
   */
  tables() {
    return [...this.#rows].map(([scenario, labels]) => [
      scenario,
      [...labels].map(([label, servers]) => [label, mapValues(servers, summary)]),
    ]);
  }
}

/** @param {Figures[]} rounds @returns {Summary} */
function summary(rounds) {
  /** @type {Summary} */
  const all = { cost: summarise(rounds.map(({ cpu, pg }) => Number(cpu) + Number(pg))) };
  for (const figure of FIGURES) all[figure] = summarise(rounds.map((round) => Number(round[figure])));
  return all;
}

/**
 * @template K, V, W
 * @param {Map<K, V>} map
 * @param {(value: V) => W} change
 * @returns {Map<K, W>}
 */
function mapValues(map, change) {
  return new Map([...map].map(([key, value]) => [key, change(value)]));
}

/**
 * @template K, V
 * @param {Map<K, V>} map
 * @param {K} key
 * @param {() => V} make
 * @returns {V}
 */
function getOr(map, key, make) {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
