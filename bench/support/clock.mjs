/** Stamps wrap after this many microseconds: 1000 s, far more than any token is under way. */
const WRAP_US = 1e9;

const offsetUs = Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000;

/** Microseconds of the machine's monotonic clock, which is the same in every process of it. */
export function nowUs() {
  return performance.now() * 1000 + offsetUs;
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
