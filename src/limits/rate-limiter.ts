import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { IDENTITY_BOUNDS } from '../config/bounds';
import { BoundedMap } from '../http/bounded-map';
import { type RatePolicy, RateLimitStore } from './rate-limit-store';

/** An instance takes this part of a limit at a time, so that it asks the database seldom. */
const SHARES = 10;
/** Below this there is nothing to share. */
const SMALL = 20;

/** What came of asking; `left` and `resetsInS` for the headers. */
export interface RateDecision {
  policy: RatePolicy;
  allowed: boolean;
  left: number;
  resetsInS: number;
}

interface Share {
  own: number;
  left: number;
  endsAt: number;
  pending?: Promise<void>;
}

/** Counts what somebody does against a limit that all instances share. Most of the time it asks nobody. */
@Injectable()
export class RateLimiter {
  private readonly shares = new BoundedMap<string, Share>(IDENTITY_BOUNDS.rememberedLimits.limit);

  constructor(private readonly store: RateLimitStore) {}

  async take(policy: RatePolicy, subject: string): Promise<RateDecision> {
    const name = `${policy.name} ${subject}`;
    for (;;) {
      const share = this.shareOf(name);
      const open = share.endsAt > performance.now();
      if (open && share.own > 0) {
        share.own -= 1;
        return decision(policy, share, true);
      }
      if (open && share.left === 0 && !share.pending) return decision(policy, share, false);
      share.pending ??= this.fill(share, name, policy);
      await share.pending;
    }
  }

  private shareOf(name: string): Share {
    const known = this.shares.get(name);
    if (known) return known;
    const share: Share = { own: 0, left: 0, endsAt: -Infinity };
    this.shares.set(name, share);
    return share;
  }

  private async fill(share: Share, name: string, policy: RatePolicy): Promise<void> {
    const wanted = policy.limit <= SMALL ? 1 : Math.ceil(policy.limit / SHARES);
    try {
      const lease = await this.store.lease(createHash('sha256').update(name).digest(), policy, wanted);
      const rest = share.endsAt > performance.now() ? share.own : 0;
      share.own = rest + lease.granted;
      share.left = lease.left;
      share.endsAt = performance.now() + Math.max(lease.resetsInMs, 1);
    } finally {
      share.pending = undefined;
    }
  }
}

function decision(policy: RatePolicy, share: Share, allowed: boolean): RateDecision {
  const resetsInS = Math.max(1, Math.ceil((share.endsAt - performance.now()) / 1000));
  return { policy, allowed, left: share.own + share.left, resetsInS };
}
