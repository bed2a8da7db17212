import { Injectable } from '@nestjs/common';
import { STORAGE_BOUNDS } from '../../config/bounds';
import { deleteSlice } from '../../database/delete-slice';
import { TransactionRunner } from '../../database/transaction-runner';

/** How one kind of guessing is slowed. */
export interface AttemptRule {
  key: Buffer;
  /** Attempts before there is any waiting. */
  free: number;
  /** The first wait in seconds; each further one is twice as long, up to the longest. */
  first: number;
  longest: number;
}

const FORGOTTEN_S = 3600;

@Injectable()
export class LoginAttemptsRepository {
  constructor(private readonly db: TransactionRunner) {}

  /**
   * Counts an attempt before it is made, so that many at once cannot slip through. How many seconds it must wait instead; 0 if it
   * may be made. What is not blocked was blocked until long ago: transactions that began at nearly the same time must not take
   * each other's present for a time to come.
   */
  async begin(rule: AttemptRule): Promise<number> {
    const rows: { wait: number }[] = await this.db.query(
      `INSERT INTO login_attempts AS a (key, failures, blocked_until, expires_at)
       VALUES ($1, 1, to_timestamp(0), now() + make_interval(secs => $5))
       ON CONFLICT (key) DO UPDATE SET
         failures = CASE WHEN a.expires_at <= now() THEN 1 ELSE a.failures + 1 END,
         blocked_until = CASE
           WHEN a.expires_at <= now() OR a.failures + 1 < $2::int THEN to_timestamp(0)
           ELSE now() + make_interval(secs => LEAST($4::float8, $3::float8 * power(2, LEAST(a.failures + 1 - $2::int, 30)))) END,
         expires_at = now() + make_interval(secs => $5)
       WHERE a.blocked_until <= now()
       RETURNING 0 AS wait`,
      [rule.key, rule.free, rule.first, rule.longest, FORGOTTEN_S],
    );
    return rows.length > 0 ? 0 : this.waitOf(rule.key);
  }

  private async waitOf(key: Buffer): Promise<number> {
    const rows: { wait: number }[] = await this.db.query(
      `SELECT GREATEST(1, ceil(extract(epoch FROM blocked_until - now())))::int AS wait
       FROM login_attempts WHERE key = $1`,
      [key],
    );
    return rows[0]?.wait ?? 1;
  }

  /** It succeeded: what was counted for it is taken back, and these keys are free again. */
  async succeed(freed: Buffer[], others: Buffer[]): Promise<void> {
    await this.db.query('DELETE FROM login_attempts WHERE key = ANY($1)', [freed]);
    await this.db.query(
      'UPDATE login_attempts SET failures = failures - 1, blocked_until = to_timestamp(0) WHERE key = ANY($1) AND failures > 0',
      [others],
    );
  }

  /** Some of those whose time is over. */
  async deleteExpired(): Promise<void> {
    const { limit } = STORAGE_BOUNDS.expiredSlice;
    await deleteSlice(this.db, { table: 'login_attempts', key: 'key', where: 'expires_at <= now()', limit });
  }
}
