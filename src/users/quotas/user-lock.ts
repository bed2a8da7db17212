import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../../database/transaction-runner';

/** Lets the requests of one user that count what the user has do so one after the other. */
@Injectable()
export class UserLock {
  constructor(private readonly db: TransactionRunner) {}

  /** For as long as the work takes, in a transaction. */
  hold<T>(userId: string, work: () => Promise<T>): Promise<T> {
    return this.db.run(async () => {
      // In a statement of its own, so that the next one sees what others have committed.
      await this.db.query('SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE', [userId]);
      return work();
    });
  }
}
