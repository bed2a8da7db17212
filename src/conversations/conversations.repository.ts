import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import { ConversationEntity } from './conversation.entity';
import type { ConversationFields, ConversationFilter, ConversationPosition } from './conversation.types';

@Injectable()
export class ConversationsRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(ConversationEntity);
  }

  async insert(conversation: ConversationEntity): Promise<void> {
    await this.rows.insert(conversation);
  }

  find(userId: string, id: string): Promise<ConversationEntity | null> {
    return this.rows.findOneBy({ id, user_id: userId });
  }

  /** Newest activity first. */
  list(
    userId: string,
    filter: ConversationFilter,
    after: ConversationPosition | undefined,
    limit: number,
  ): Promise<ConversationEntity[]> {
    const query = this.rows
      .createQueryBuilder('c')
      .where('c.user_id = :userId AND c.archived = :archived', { userId, archived: filter.archived })
      .orderBy('c.last_activity_at', 'DESC')
      .addOrderBy('c.id', 'DESC')
      .limit(limit);
    if (after) query.andWhere('(c.last_activity_at, c.id) < (:last_activity_at, :id)', after);
    if (filter.q) query.andWhere(`c.title ILIKE :pattern`, { pattern: containing(filter.q) });
    return query.getMany();
  }

  /** All of the user, in the order of their ids. */
  listAll(userId: string, afterId: string | undefined, limit: number): Promise<ConversationEntity[]> {
    const query = this.rows.createQueryBuilder('c').where('c.user_id = :userId', { userId });
    if (afterId) query.andWhere('c.id > :afterId', { afterId });
    return query.orderBy('c.id').limit(limit).getMany();
  }

  /** Undefined if there is none of this user, or none of these versions. */
  async update(
    userId: string,
    id: string,
    fields: ConversationFields,
    versions?: number[],
  ): Promise<ConversationEntity | undefined> {
    const query = this.rows
      .createQueryBuilder()
      .update()
      .set({ ...fields, version: () => 'version + 1', updated_at: new Date() })
      .where('id = :id AND user_id = :userId', { id, userId });
    if (versions) query.andWhere('version = ANY(:versions)', { versions });
    const result = await query.returning('*').execute();
    return (result.raw as ConversationEntity[])[0];
  }

  async storedBytes(userId: string): Promise<number> {
    const [{ bytes }] = await this.db.query<{ bytes: number }>(
      `SELECT COALESCE(sum(COALESCE(pg_column_size(title), 0) + COALESCE(pg_column_size(system_prompt), 0)
         + pg_column_size(settings) + pg_column_size(metadata)), 0)::float8 AS bytes
       FROM conversations WHERE user_id = $1`,
      [userId],
    );
    return bytes;
  }

  async delete(userId: string, id: string): Promise<boolean> {
    const result = await this.rows.delete({ id, user_id: userId });
    return (result.affected ?? 0) > 0;
  }

  /** Of conversations that were read with their owner, those that have messages after a sequence, or are gone (null). */
  withFurtherMessages(
    places: { id: string; sequence: number }[],
  ): Promise<{ id: string; last_sequence: number | null }[]> {
    return this.db.query(
      `SELECT p.id, c.last_sequence FROM unnest($1::uuid[], $2::int[]) AS p (id, sequence)
       LEFT JOIN conversations c ON c.id = p.id WHERE c.id IS NULL OR c.last_sequence > p.sequence`,
      [places.map(({ id }) => id), places.map(({ sequence }) => sequence)],
    );
  }

  async clearContext(userId: string, id: string): Promise<boolean> {
    const result = await this.rows.update(
      { id, user_id: userId },
      { context_from: () => 'last_sequence', updated_at: new Date() },
    );
    return (result.affected ?? 0) > 0;
  }

  /** The branch that ends at this message of it becomes the active one. */
  async select(userId: string, id: string, leafId: string): Promise<boolean> {
    const result = await this.rows.update(
      { id, user_id: userId },
      { active_leaf_id: leafId, updated_at: new Date() },
    );
    return (result.affected ?? 0) > 0;
  }

  /** Keeps other turns of this conversation out until the transaction ends. */
  lock(userId: string, id: string): Promise<ConversationEntity | null> {
    return this.rows.findOne({ where: { id, user_id: userId }, lock: { mode: 'pessimistic_write' } });
  }

  async recordMessages(
    id: string,
    { leafId, sequence, at }: { leafId: string; sequence: number; at: Date },
  ): Promise<void> {
    await this.rows.update({ id }, { active_leaf_id: leafId, last_sequence: sequence, last_activity_at: at });
  }
}

/** A LIKE pattern in which the caller's wildcards stand for themselves. */
function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`;
}
