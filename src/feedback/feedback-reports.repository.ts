import { Injectable } from '@nestjs/common';
import { STORAGE_BOUNDS } from '../config/bounds';
import { TransactionRunner } from '../database/transaction-runner';
import type { MessagePart } from '../messages/content/parts';
import { LAST_OF_PAGE, longMessages } from '../messages/message-pages';
import {
  conditionsOf,
  RATED,
  type FeedbackFilter,
  type FeedbackGroup,
  type FeedbackPosition,
} from './feedback-filter';
import type { Feedback } from './feedback.repository';

/** Feedback of anybody, and the model that replied. */
export type GivenFeedback = Feedback & { model: string | null };
/** The same with what was said. */
export type AnsweredFeedback = GivenFeedback & { parts: MessagePart[]; question: MessagePart[] | null };

export interface FeedbackRow {
  key: string | null;
  count: number;
  average: number;
}

const GROUPS: Readonly<Record<FeedbackGroup, { key: string; from: string; first: string }>> = {
  day: { key: `to_char(f.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')`, from: RATED, first: 'key DESC' },
  model: { key: 'm.model', from: RATED, first: 'count DESC, key' },
  tag: { key: 't.tag', from: `${RATED} CROSS JOIN unnest(f.tags) AS t (tag)`, first: 'count DESC, key' },
};

/** Everybody's feedback, for administrators: the user is named by the join with the reply, and narrowed to nobody. */
@Injectable()
export class FeedbackReportsRepository {
  constructor(private readonly db: TransactionRunner) {}

  /** Newest first. */
  list(
    filter: FeedbackFilter,
    before: FeedbackPosition | undefined,
    limit: number,
  ): Promise<GivenFeedback[]> {
    const parameters: unknown[] = [limit];
    const conditions = conditionsOf(filter, parameters);
    return this.db.query(
      `SELECT f.*, m.model FROM ${RATED} WHERE ${conditions} ${beside('<', before, parameters)}
       ORDER BY f.created_at DESC, f.id DESC LIMIT $1`,
      parameters,
    );
  }

  /** As many as asked for: the last days, or those with the most. */
  groups(filter: FeedbackFilter, by: FeedbackGroup, limit: number): Promise<FeedbackRow[]> {
    const parameters: unknown[] = [limit];
    const conditions = conditionsOf(filter, parameters);
    const { key, from, first } = GROUPS[by];
    return this.db.query(
      `SELECT key, count(*)::int AS count, avg(rating)::float8 AS average
       FROM (SELECT ${key} AS key, f.rating FROM ${from} WHERE ${conditions}) AS rated
       GROUP BY key ORDER BY ${first} LIMIT $1`,
      parameters,
    );
  }

  /** Oldest first, with what was said: as many as a page of messages may have bytes, at least one. */
  answered(filter: FeedbackFilter, after: FeedbackPosition | undefined): Promise<AnsweredFeedback[]> {
    const parameters: unknown[] = [STORAGE_BOUNDS.exportedFeedback.limit];
    const conditions = conditionsOf(filter, parameters);
    return this.db.query(
      `WITH RECURSIVE found AS (
         SELECT f.*, m.model, m.parts, m.parent_id, row_number() OVER (ORDER BY f.created_at, f.id) AS position
         FROM ${RATED} WHERE ${conditions} ${beside('>', after, parameters)}
         ORDER BY f.created_at, f.id LIMIT $1
       ), ${longMessages('octet_length(f.parts::text)')}
       SELECT found.*, q.parts AS question
       FROM found LEFT JOIN messages q ON q.id = found.parent_id AND q.user_id = found.user_id
       WHERE found.position <= ${LAST_OF_PAGE} ORDER BY found.position`,
      parameters,
    );
  }
}

function beside(side: '<' | '>', position: FeedbackPosition | undefined, parameters: unknown[]): string {
  if (!position) return '';
  return `AND (f.created_at, f.id) ${side} ($${parameters.push(position.created_at)}, $${parameters.push(position.id)})`;
}
