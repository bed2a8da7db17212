import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../../database/transaction-runner';
import type { Scope } from '../identity';
import { ApiKeyEntity } from './api-key.entity';

/** A key that has not expired, and whose it is. */
export interface UsableKey {
  id: string;
  user_id: string;
  scopes: Scope[];
  expires_at: Date | null;
}

export interface ApiKeyPosition {
  created_at: string;
  id: string;
}

const USABLE =
  'SELECT id, user_id, scopes, expires_at FROM api_keys WHERE (expires_at IS NULL OR expires_at > now())';

@Injectable()
export class ApiKeysRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(ApiKeyEntity);
  }

  async insert(key: ApiKeyEntity): Promise<void> {
    await this.rows.insert(key);
  }

  async findUsable(hash: Buffer): Promise<UsableKey | undefined> {
    const rows: UsableKey[] = await this.db.query(`${USABLE} AND key_hash = $1`, [hash]);
    return rows[0];
  }

  async findUsableById(id: string): Promise<UsableKey | undefined> {
    const rows: UsableKey[] = await this.db.query(`${USABLE} AND id = $1`, [id]);
    return rows[0];
  }

  /** Newest first. */
  list(userId: string, after: ApiKeyPosition | undefined, limit: number): Promise<ApiKeyEntity[]> {
    const query = this.rows
      .createQueryBuilder('k')
      .where('k.user_id = :userId', { userId })
      .orderBy('k.created_at', 'DESC')
      .addOrderBy('k.id', 'DESC')
      .limit(limit);
    if (after) query.andWhere('(k.created_at, k.id) < (:created_at, :id)', after);
    return query.getMany();
  }

  /** Of those that have not expired. */
  async countUsableOf(userId: string): Promise<number> {
    const rows: { count: number }[] = await this.db.query(
      'SELECT count(*)::int AS count FROM api_keys WHERE user_id = $1 AND (expires_at IS NULL OR expires_at > now())',
      [userId],
    );
    return rows[0].count;
  }

  async delete(userId: string, id: string): Promise<boolean> {
    const result = await this.rows.delete({ id, user_id: userId });
    return (result.affected ?? 0) > 0;
  }

  /** Of the user, at most `limit`; answers how many. */
  async deleteOf(userId: string, limit: number): Promise<number> {
    const rows = await this.db.query(
      `DELETE FROM api_keys WHERE user_id = $1 AND id IN (
         SELECT id FROM api_keys WHERE user_id = $1 LIMIT $2
       ) RETURNING 1 AS one`,
      [userId, limit],
    );
    return rows.length;
  }

  async markUsed(ids: string[]): Promise<void> {
    await this.db.query('UPDATE api_keys SET last_used_at = now() WHERE id = ANY($1)', [ids]);
  }
}
