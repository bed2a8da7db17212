import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import type { SealedKey } from './key-cipher';
import { ProviderEntity } from './provider.entity';

export type ProviderFields = Pick<
  ProviderEntity,
  'name' | 'base_url' | 'models' | 'stream_usage' | 'model_options' | 'key_last4'
> &
  SealedKey;

export interface ProviderPosition {
  created_at: string;
  id: string;
}

/** Every query names the owner, except those of the rotation of keys. */
@Injectable()
export class ProvidersRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(ProviderEntity);
  }

  async insert(id: string, userId: string, fields: ProviderFields): Promise<ProviderEntity> {
    const now = new Date();
    const row = this.rows.create({
      ...fields,
      id,
      user_id: userId,
      version: 1,
      created_at: now,
      updated_at: now,
    });
    await this.rows.insert(row);
    return row;
  }

  find(userId: string, id: string): Promise<ProviderEntity | null> {
    return this.rows.findOneBy({ id, user_id: userId });
  }

  findByName(userId: string, name: string): Promise<ProviderEntity | null> {
    return this.rows.findOneBy({ name, user_id: userId });
  }

  countOf(userId: string): Promise<number> {
    return this.rows.countBy({ user_id: userId });
  }

  /** Newest first. */
  list(userId: string, after: ProviderPosition | undefined, limit: number): Promise<ProviderEntity[]> {
    const query = this.rows
      .createQueryBuilder('p')
      .where('p.user_id = :userId', { userId })
      .orderBy('p.created_at', 'DESC')
      .addOrderBy('p.id', 'DESC')
      .limit(limit);
    if (after) query.andWhere('(p.created_at, p.id) < (:created_at, :id)', after);
    return query.getMany();
  }

  async update(
    userId: string,
    id: string,
    fields: Partial<ProviderFields>,
  ): Promise<ProviderEntity | undefined> {
    const result = await this.rows
      .createQueryBuilder()
      .update()
      .set({ ...fields, version: () => 'version + 1', updated_at: new Date() })
      .where('id = :id AND user_id = :userId', { id, userId })
      .returning('*')
      .execute();
    return (result.raw as ProviderEntity[])[0];
  }

  async delete(userId: string, id: string): Promise<boolean> {
    const result = await this.rows.delete({ id, user_id: userId });
    return (result.affected ?? 0) > 0;
  }

  /** Of the user, at most `limit`; answers how many. */
  async deleteOf(userId: string, limit: number): Promise<number> {
    const rows = await this.db.query(
      `DELETE FROM providers WHERE user_id = $1 AND id IN (
         SELECT id FROM providers WHERE user_id = $1 LIMIT $2
       ) RETURNING 1 AS one`,
      [userId, limit],
    );
    return rows.length;
  }

  /** Some whose key has another `key_id`, kept from others until the transaction ends. */
  lockSealedOtherwise(keyId: string, afterId: string | undefined, limit: number): Promise<ProviderEntity[]> {
    const query = this.rows
      .createQueryBuilder('p')
      .where('p.key_id <> :keyId', { keyId })
      .orderBy('p.id')
      .limit(limit)
      .setLock('pessimistic_write');
    if (afterId) query.andWhere('p.id > :afterId', { afterId });
    return query.getMany();
  }

  async reseal(id: string, sealed: SealedKey): Promise<void> {
    await this.rows.update({ id }, { ...sealed });
  }
}
