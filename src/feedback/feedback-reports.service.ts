import { Injectable } from '@nestjs/common';
import { type AuditAction, AuditService } from '../audit/audit.service';
import type { RequestOrigin } from '../audit/request-origin.decorator';
import type { Identity } from '../auth/identity';
import { assertAdmin, assertScope } from '../auth/permissions';
import { STORAGE_BOUNDS } from '../config/bounds';
import { textOf } from '../messages/content/reply-content';
import type { FeedbackFilter, FeedbackGroup, FeedbackPosition } from './feedback-filter';
import {
  FeedbackReportsRepository,
  type AnsweredFeedback,
  type FeedbackRow,
  type GivenFeedback,
} from './feedback-reports.repository';

/** What administrators learn from everybody's feedback. That they looked is recorded. */
@Injectable()
export class FeedbackReports {
  constructor(
    private readonly repository: FeedbackReportsRepository,
    private readonly audit: AuditService,
  ) {}

  /**
   * Who may read everybody's feedback, recorded as `action`. A key that was made for feedback was made for its user's.
   * @throws {AppError} 403 `forbidden`, `insufficient_scope`
   */
  async assertAllowed(actor: Identity, action: AuditAction, origin: RequestOrigin): Promise<void> {
    assertScope(actor, undefined);
    assertAdmin(actor);
    await this.audit.record({ action, actorId: actor.userId, origin });
  }

  /** Newest first. */
  list(
    filter: FeedbackFilter,
    before: FeedbackPosition | undefined,
    limit: number,
  ): Promise<GivenFeedback[]> {
    return this.repository.list(filter, before, limit);
  }

  /** In the order of the keys. */
  async summary(
    filter: FeedbackFilter,
    by: FeedbackGroup,
  ): Promise<{ data: FeedbackRow[]; data_truncated?: true }> {
    const { limit } = STORAGE_BOUNDS.feedbackGroups;
    const rows = await this.repository.groups(filter, by, limit + 1);
    const data = rows.slice(0, limit).toSorted(byKey);
    return { data, ...(rows.length > limit && { data_truncated: true }) };
  }

  /** Oldest first, each with question and answer. */
  async *export(filter: FeedbackFilter): AsyncGenerator<object> {
    for (let after: FeedbackPosition | undefined; ;) {
      const rows = await this.repository.answered(filter, after);
      yield* rows.map(toLine);
      const last = rows.at(-1);
      if (!last) return;
      after = { created_at: last.created_at.toISOString(), id: last.id };
    }
  }
}

function byKey({ key: a }: FeedbackRow, { key: b }: FeedbackRow): number {
  return (a ?? '') < (b ?? '') ? -1 : 1;
}

function toLine({ parts, question, ...feedback }: AnsweredFeedback): object {
  const { id, user_id, conversation_id, message_id, model, rating, comment, tags } = feedback;
  const { created_at, updated_at } = feedback;
  return {
    id,
    user_id,
    conversation_id,
    message_id,
    model,
    rating,
    comment,
    tags,
    question: question && textOf(question),
    answer: textOf(parts),
    created_at,
    updated_at,
  };
}
