import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../../database/transaction-runner';
import type { StoredUserState, UserState } from '../user.types';
import { STATE } from '../users.repository';
import { erasureInProgress, identityGone } from '../user.errors';

/** Serialises the requests of one user that count against a quota. */
@Injectable()
export class UserLock {
  constructor(private readonly db: TransactionRunner) {}

  /**
   * Holds the user's lock during the work, in a transaction. The user is not erased meanwhile.
   * @throws {AppError} `erasure_in_progress`; 401 for a user who is gone
   */
  hold<T>(userId: string, work: (state: UserState) => Promise<T>): Promise<T> {
    return this.db.run(async () => {
      // The lock is a statement of its own, so that the next statement sees commits of others.
      const rows: StoredUserState[] = await this.db.query(
        `SELECT ${STATE} FROM users WHERE id = $1 FOR NO KEY UPDATE`,
        [userId],
      );
      if (rows.length === 0) throw identityGone();
      if (rows[0].erasing) throw erasureInProgress();
      return work(rows[0]);
    });
  }
}
