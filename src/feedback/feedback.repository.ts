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

const IN_A_CONVERSATION =
  'EXISTS (SELECT 1 FROM conversations c WHERE c.id = f.conversation_id AND c.user_id = f.user_id AND c.deleted_at IS NULL)';

@Injectable()
export class FeedbackRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(FeedbackEntity);
  }

  /** The user's one feedback on this message, of a conversation that is locked; `bytes`: by how many its comment has grown. */
  async put(
    userId: string,
    fields: FeedbackFields,
  ): Promise<{ feedback: FeedbackEntity; created: boolean; bytes: number }> {
    const before = await this.rows.findOneBy({ user_id: userId, message_id: fields.message_id });
    const rows: FeedbackEntity[] = await this.db.query(
      `INSERT INTO feedback (id, user_id, message_id, conversation_id, rating, comment, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
       ON CONFLICT (user_id, message_id) DO UPDATE
         SET rating = excluded.rating, comment = excluded.comment, updated_at = excluded.updated_at
       RETURNING *`,
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
    return { feedback: rows[0], created: !before, bytes: bytesOf(rows[0]) - bytesOf(before) };
  }

  /** None of a conversation that is being removed. */
  find(userId: string, id: string): Promise<FeedbackEntity | null> {
    return this.rows
      .createQueryBuilder('f')
      .where('f.id = :id AND f.user_id = :userId', { id, userId })
      .andWhere(IN_A_CONVERSATION)
      .getOne();
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
      .andWhere(IN_A_CONVERSATION)
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

  /** Of messages whose conversation is locked. Answers how many bytes of it were stored. */
  async removeOf(userId: string, messageIds: string[]): Promise<number> {
    const rows = await this.db.query<{ bytes: number }>(
      `WITH gone AS (DELETE FROM feedback WHERE user_id = $1 AND message_id = ANY($2) RETURNING comment)
       SELECT COALESCE(sum(octet_length(comment)), 0)::float8 AS bytes FROM gone`,
      [userId, messageIds],
    );
    return rows[0].bytes;
  }

  async delete(userId: string, id: string): Promise<boolean> {
    const result = await this.rows.delete({ id, user_id: userId });
    return (result.affected ?? 0) > 0;
  }
}

/** What it adds to `stored_bytes` of its conversation. */
export function bytesOf(feedback: FeedbackEntity | null): number {
  return Buffer.byteLength(feedback?.comment ?? '');
}
