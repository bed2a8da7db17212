import { quantile } from '../support/statistics.mjs';

/** What is counted of all streams together, over a window and over the whole job. */
export class Measure {
  /** Of the job: what must not be. */
  faults = { lost: 0, doubled: 0, disordered: 0, broken: 0 };
  /** The first few things that went wrong. */
  /** @type {string[]} */
  examples = [];
  totalTokens = 0;
  totalTurns = 0;

  constructor() {
    this.reset();
  }

  reset() {
    this.since = performance.now();
    this.tokens = 0;
    this.turns = 0;
    /** Microseconds. @type {number[]} */
    this.delays = [];
    /** Microseconds. @type {number[]} */
    this.firsts = [];
  }

  /** @param {keyof Measure['faults']} kind @param {number} count @param {string} what */
  fault(kind, count, what) {
    this.faults[kind] += count;
    if (this.examples.length < 3) this.examples.push(`${kind}: ${what}`);
  }

  window() {
    const { tokens, turns, delays, firsts } = this;
    const of = (/** @type {number[]} */ values) => ({
      p50: quantile(values, 0.5) / 1000,
      p99: quantile(values, 0.99) / 1000,
    });
    const seconds = (performance.now() - this.since) / 1000;
    return { seconds, tokens, turns, delayMs: of(delays), firstMs: of(firsts) };
  }

  totals() {
    const { faults, examples, totalTokens, totalTurns } = this;
    return { faults, examples, tokens: totalTokens, turns: totalTurns };
  }
}
