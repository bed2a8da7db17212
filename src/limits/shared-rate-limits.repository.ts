import { Injectable } from '@nestjs/common';
import { deleteSlice } from '../database/delete-slice';
import { TransactionRunner } from '../database/transaction-runner';
import type { Lease, RatePolicy } from './rate-limit-store';

/** One statement, so that no two instances are handed the same share. The database's clock decides. */
@Injectable()
export class SharedRateLimitsRepository {
  constructor(private readonly db: TransactionRunner) {}

  async lease(key: Buffer, { limit, windowSeconds }: RatePolicy, wanted: number): Promise<Lease> {
    const rows: { granted: number; used: number; resets_in_ms: number }[] = await this.db.query(
      `INSERT INTO rate_limits AS r (key, used, granted, window_ends)
       VALUES ($1, LEAST($2::int, $3::int), LEAST($2::int, $3::int), now() + make_interval(secs => $4))
       ON CONFLICT (key) DO UPDATE SET
         granted = CASE WHEN r.window_ends <= now() THEN excluded.granted
                        ELSE LEAST($2::int, GREATEST($3::int - r.used, 0)) END,
         used = CASE WHEN r.window_ends <= now() THEN excluded.used
                     ELSE r.used + LEAST($2::int, GREATEST($3::int - r.used, 0)) END,
         window_ends = CASE WHEN r.window_ends <= now() THEN excluded.window_ends ELSE r.window_ends END
       RETURNING granted, used, (extract(epoch FROM window_ends - now()) * 1000)::int AS resets_in_ms`,
      [key, wanted, limit, windowSeconds],
    );
    const [{ granted, used, resets_in_ms }] = rows;
    return { granted, left: Math.max(limit - used, 0), resetsInMs: resets_in_ms };
  }

  /** At most `limit` of those that ended a minute ago; answers how many. */
  deleteEnded(limit: number): Promise<number> {
    const where = `window_ends < now() - interval '1 minute'`;
    return deleteSlice(this.db, { table: 'rate_limits', key: 'key', where, limit });
  }
}
