const TICK_MS = 4;

/** Does the work, and measures for how long at most nothing else could run. */
export async function stallDuring<T>(work: () => Promise<T>): Promise<{ result: T; stallMs: number }> {
  let last = performance.now();
  let stallMs = 0;
  const look = () => {
    const now = performance.now();
    stallMs = Math.max(stallMs, now - last - TICK_MS);
    last = now;
  };
  const timer = setInterval(look, TICK_MS);
  try {
    const result = await work();
    look();
    return { result, stallMs };
  } finally {
    clearInterval(timer);
  }
}
