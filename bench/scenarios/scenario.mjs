/**
 * Figures of one server in one scenario. Times in ms, CPU in µs per token, what is absent does not apply.
 * @typedef {object} Figures
 * @property {number} [cpu] of the server
 * @property {number} [pg] of PostgreSQL
 * @property {number} [p50]
 * @property {number} [p99]
 * @property {number} [turns] per second
 * @property {number} [busy] share of a core that the server used
 * @property {number} [value] the figure that only this scenario has
 *
 * @typedef {object} Scenario
 * @property {string} name for --only
 * @property {string} title
 * @property {string} [unit] of `value`
 * @property {string[]} servers names of candidates
 * @property {'cost' | 'p50' | 'turns' | 'value'} compare the figure of which ratios are shown; cost is cpu + pg
 * @property {boolean} [moreIsBetter] of `value`
 * @property {boolean} [quick] whether the short form has it
 * @property {boolean} [named] too long for who has not named it
 * @property {boolean} [once] too long for several rounds, but for comparing builds
 * @property {(bench: import('../support/bench.mjs').Bench, candidate: import('../candidates.mjs').Candidate) => Promise<Figures>} measure
 */

export const EVERYBODY = ['pipe', 'relay', 'express', 'ai-sdk', 'parley', 'memory-log', 'embedded'];
/** Those that keep conversations. */
export const SERVICES = ['parley', 'embedded'];
