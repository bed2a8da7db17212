import { IDENTITY_BOUNDS } from '../config/bounds';
import { BoundedMap } from '../http/bounded-map';
import { type Lease, type RatePolicy, RateLimitStore } from './rate-limit-store';

/** For a process that is alone, or that cannot reach what it shares with the others. */
export class LocalRateLimits extends RateLimitStore {
  private readonly windows = new BoundedMap<string, { used: number; endsAt: number }>(
    2 * IDENTITY_BOUNDS.rememberedLimits.limit,
  );

  lease(key: Buffer, { limit, windowSeconds }: RatePolicy, wanted: number): Promise<Lease> {
    const now = performance.now();
    const name = key.toString('latin1');
    const known = this.windows.get(name);
    const window = known && known.endsAt > now ? known : { used: 0, endsAt: now + windowSeconds * 1000 };
    const granted = Math.min(wanted, limit - window.used);
    window.used += granted;
    this.windows.set(name, window);
    return Promise.resolve({ granted, left: limit - window.used, resetsInMs: window.endsAt - now });
  }
}
