import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { TransactionRunner } from '../database/transaction-runner';
import { FeedbackEntity } from './feedback.entity';

export type FeedbackFields = Pick<FeedbackEntity, 'message_id' | 'conversation_id' | 'rating' | 'comment'>;
export type FeedbackChanges = Partial<Pick<FeedbackEntity, 'rating' | 'comment'>>;
export type FeedbackFilter = Partial<Pick<FeedbackEntity, 'message_id' | 'conversation_id'>>;

/** After which entry a page begins. */
export interface FeedbackPosition {
  created_at: string;
  id: string;
}

@Injectable()
export class FeedbackRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(FeedbackEntity);
  }

  /** The user's one feedback on this message. `xmax` is 0 only for a row that was not there before. */
  async put(userId: string, fields: FeedbackFields): Promise<{ feedback: FeedbackEntity; created: boolean }> {
    const rows: (FeedbackEntity & { created: boolean })[] = await this.db.query(
      `INSERT INTO feedback (id, user_id, message_id, conversation_id, rating, comment, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
       ON CONFLICT (user_id, message_id) DO UPDATE
         SET rating = excluded.rating, comment = excluded.comment, updated_at = excluded.updated_at
       RETURNING *, xmax = 0 AS created`,
      [
        uuidv7(),
        userId,
        fields.message_id,
        fields.conversation_id,
        fields.rating,
        fields.comment,
        new Date(),
      ],
    );
    return { feedback: rows[0], created: rows[0].created };
  }

  find(userId: string, id: string): Promise<FeedbackEntity | null> {
    return this.rows.findOneBy({ id, user_id: userId });
  }

  /** Newest first. */
  list(
    userId: string,
    filter: FeedbackFilter,
    after: FeedbackPosition | undefined,
    limit: number,
  ): Promise<FeedbackEntity[]> {
    const query = this.rows
      .createQueryBuilder('f')
      .where({ user_id: userId, ...filter })
      .orderBy('f.created_at', 'DESC')
      .addOrderBy('f.id', 'DESC')
      .limit(limit);
    if (after) query.andWhere('(f.created_at, f.id) < (:created_at, :id)', after);
    return query.getMany();
  }

  async update(userId: string, id: string, changes: FeedbackChanges): Promise<FeedbackEntity | undefined> {
    const result = await this.rows
      .createQueryBuilder()
      .update()
      .set({ ...changes, updated_at: new Date() })
      .where({ id, user_id: userId })
      .returning('*')
      .execute();
    return (result.raw as FeedbackEntity[])[0];
  }

  async storedBytes(userId: string): Promise<number> {
    const [{ bytes }] = await this.db.query<{ bytes: number }>(
      'SELECT COALESCE(sum(pg_column_size(comment)), 0)::float8 AS bytes FROM feedback WHERE user_id = $1',
      [userId],
    );
    return bytes;
  }

  async delete(userId: string, id: string): Promise<boolean> {
    const result = await this.rows.delete({ id, user_id: userId });
    return (result.affected ?? 0) > 0;
  }
}
