/**
 * The middle value, or the mean of the two in the middle.
 * @param {number[]} values
 * @returns {number} NaN for none
 */
export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const upper = Math.floor(sorted.length / 2);
  const lower = Math.ceil(sorted.length / 2) - 1;
  return sorted.length ? (sorted[lower] + sorted[upper]) / 2 : Number.NaN;
}

/**
 * @param {Iterable<number>} values
 * @param {number} q
 */
export function quantile(values, q) {
  const sorted = Float64Array.from(values).sort();
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] : Number.NaN;
}

/**
 * The same figure of several rounds.
 * @param {number[]} values
 */
export function summarise(values) {
  const known = values.filter((value) => Number.isFinite(value));
  return { median: median(known), min: Math.min(...known), max: Math.max(...known) };
}
