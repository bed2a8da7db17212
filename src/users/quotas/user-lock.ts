import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../../database/transaction-runner';
import type { StoredUserState, UserState } from '../user.types';
import { STATE } from '../users.repository';
import { erasureInProgress, identityGone } from '../user.errors';

/** Lets the requests of one user that count what the user has do so one after the other. */
@Injectable()
export class UserLock {
  constructor(private readonly db: TransactionRunner) {}

  /**
   * For as long as the work takes, in a transaction. Nobody whose row is held is erased meanwhile.
   * @throws {AppError} `erasure_in_progress`; 401 for somebody who is gone
   */
  hold<T>(userId: string, work: (state: UserState) => Promise<T>): Promise<T> {
    return this.db.run(async () => {
      // In a statement of its own, so that the next one sees what others have committed.
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
