import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { TransactionRunner } from '../../database/transaction-runner';

export interface Revocation {
  id: string;
  subject: string;
}

@Injectable()
export class RevocationsRepository {
  constructor(private readonly db: TransactionRunner) {}

  async insert(subject: string): Promise<void> {
    await this.db.query('INSERT INTO revocations (id, subject) VALUES ($1, $2)', [uuidv7(), subject]);
  }

  since(seconds: number): Promise<Revocation[]> {
    return this.db.query(
      'SELECT id, subject FROM revocations WHERE created_at > now() - make_interval(secs => $1)',
      [seconds],
    );
  }

  /** At most `limit`; answers how many. */
  async deleteOlderThan(seconds: number, limit: number): Promise<number> {
    const rows = await this.db.query(
      `DELETE FROM revocations WHERE id IN (
         SELECT id FROM revocations WHERE created_at < now() - make_interval(secs => $1) LIMIT $2 FOR UPDATE SKIP LOCKED
       ) RETURNING 1 AS one`,
      [seconds, limit],
    );
    return rows.length;
  }
}
