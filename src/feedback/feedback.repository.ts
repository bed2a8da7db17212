import { Injectable } from '@nestjs/common';
import { newId } from '../common/ids';
import { TransactionRunner } from '../database/transaction-runner';
import { feedbackBytes } from '../messages/given-feedback';
import {
  conditionsOf,
  IN_A_CONVERSATION,
  RATED,
  type FeedbackFilter,
  type FeedbackPosition,
} from './feedback-filter';
import { FeedbackEntity } from './feedback.entity';

export type FeedbackFields = Pick<
  FeedbackEntity,
  'message_id' | 'conversation_id' | 'rating' | 'comment' | 'tags'
>;
export type FeedbackChanges = Partial<Pick<FeedbackEntity, 'rating' | 'comment' | 'tags'>>;
export type Feedback = Readonly<Omit<FeedbackEntity, 'user' | 'conversation' | 'message'>>;

@Injectable()
export class FeedbackRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(FeedbackEntity);
  }

  /** The user's one feedback on this message, of a conversation that is locked; `bytes`: by how many its texts have grown. */
  async put(
    userId: string,
    fields: FeedbackFields,
  ): Promise<{ feedback: FeedbackEntity; created: boolean; bytes: number }> {
    const before = await this.rows.findOneBy({ user_id: userId, message_id: fields.message_id });
    const rows: FeedbackEntity[] = await this.db.query(
      `INSERT INTO feedback (id, user_id, message_id, conversation_id, rating, comment, tags, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
       ON CONFLICT (user_id, message_id) DO UPDATE
         SET rating = excluded.rating, comment = excluded.comment, tags = excluded.tags, updated_at = excluded.updated_at
       RETURNING *`,
      [
        newId(),
        userId,
        fields.message_id,
        fields.conversation_id,
        fields.rating,
        fields.comment,
        fields.tags,
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

  /** The user's own, newest first. */
  list(
    userId: string,
    filter: FeedbackFilter,
    after: FeedbackPosition | undefined,
    limit: number,
  ): Promise<Feedback[]> {
    const parameters: unknown[] = [userId, limit];
    const conditions = conditionsOf(filter, parameters);
    const position = after
      ? `AND (f.created_at, f.id) < ($${parameters.push(after.created_at)}, $${parameters.push(after.id)})`
      : '';
    return this.db.query(
      `SELECT f.* FROM ${RATED} WHERE f.user_id = $1 AND ${conditions} ${position}
       ORDER BY f.created_at DESC, f.id DESC LIMIT $2`,
      parameters,
    );
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
      `WITH gone AS (DELETE FROM feedback WHERE user_id = $1 AND message_id = ANY($2) RETURNING comment, tags)
       SELECT COALESCE(sum(${feedbackBytes('gone')}), 0)::float8 AS bytes FROM gone`,
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
  return Buffer.byteLength((feedback?.comment ?? '') + (feedback?.tags ?? []).join(''));
}
