/** At most so many in so long. */
export interface RatePolicy {
  name: string;
  limit: number;
  windowSeconds: number;
}

/** What may be spent without asking again. */
export interface Lease {
  granted: number;
  /** What is left of the limit besides. */
  left: number;
  resetsInMs: number;
}

/** Hands out shares of limits, and never more than the limit within a window. */
export abstract class RateLimitStore {
  abstract lease(key: Buffer, policy: RatePolicy, wanted: number): Promise<Lease>;

  /** Forgets what is over, where that does not happen by itself; answers how many rows. A job of `jobs/` calls it, once for all processes. */
  sweep(_signal?: AbortSignal): Promise<number> {
    return Promise.resolve(0);
  }
}
