/** Stamps wrap after this many microseconds: 1000 s, far more than any token is under way. */
const WRAP_US = 1e9;

/**
 * Microseconds of the machine's monotonic clock, which is the same in every process of it. Not `performance.now()`: an
 * offset between the two would be wrong by as long as the process was not running between reading one and the other.
 */
export function nowUs() {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1000;
}

/** @param {number} us */
export function stampOf(us) {
  return Math.floor(us) % WRAP_US;
}

/**
 * Microseconds since a stamp was made.
 * @param {number} us now
 * @param {number} stamp
 */
export function sinceStamp(us, stamp) {
  const passed = (us % WRAP_US) - stamp;
  return passed < -WRAP_US / 2 ? passed + WRAP_US : passed;
}
