import { Injectable } from '@nestjs/common';
import { newId } from '../../common/ids';
import { deleteSlice } from '../../database/delete-slice';
import { TransactionRunner } from '../../database/transaction-runner';

export interface Revocation {
  id: string;
  subject: string;
}

@Injectable()
export class RevocationsRepository {
  constructor(private readonly db: TransactionRunner) {}

  async insert(subject: string): Promise<void> {
    await this.db.query('INSERT INTO revocations (id, subject) VALUES ($1, $2)', [newId(), subject]);
  }

  since(seconds: number): Promise<Revocation[]> {
    return this.db.query(
      'SELECT id, subject FROM revocations WHERE created_at > now() - make_interval(secs => $1)',
      [seconds],
    );
  }

  /** At most `limit`; answers how many. */
  deleteOlderThan(seconds: number, limit: number): Promise<number> {
    const where = 'created_at < now() - make_interval(secs => $1)';
    return deleteSlice(this.db, { table: 'revocations', key: 'id', where, parameters: [seconds], limit });
  }
}
