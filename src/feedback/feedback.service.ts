import { Injectable } from '@nestjs/common';
import { ConversationsService } from '../conversations/conversations.service';
import { AppError } from '../errors/app-error';
import { isOpen } from '../messages/message.types';
import { MessagesService } from '../messages/messages.service';
import { StorageQuota } from '../users/quotas/storage-quota';
import type { FeedbackFilter, FeedbackPosition } from './feedback-filter';
import { bytesOf, FeedbackRepository, type Feedback, type FeedbackChanges } from './feedback.repository';

export const feedbackNotFound = () =>
  new AppError('not_found', 'feedback_not_found', 'No feedback with this id.');

export const notAReply = () =>
  new AppError('invalid', 'not_a_reply', 'Feedback is given on replies.', {
    errors: [{ path: 'message_id', message: 'must be the id of an assistant message' }],
  });

export const stillStreaming = () =>
  new AppError('conflict', 'reply_in_progress', 'The reply is still running.');

@Injectable()
export class FeedbackService {
  constructor(
    private readonly repository: FeedbackRepository,
    private readonly messages: MessagesService,
    private readonly conversations: ConversationsService,
    private readonly storage: StorageQuota,
  ) {}

  /** Gives or replaces the user's feedback on a reply. */
  async put(
    userId: string,
    fields: { message_id: string; rating: number; comment?: string | null; tags?: string[] },
  ): Promise<{ feedback: Feedback; created: boolean }> {
    const message = await this.messages.header(userId, fields.message_id);
    if (message.role !== 'assistant') throw notAReply();
    if (isOpen(message)) throw stillStreaming();
    const { id: message_id, conversation_id } = message;
    const stored = {
      message_id,
      conversation_id,
      rating: fields.rating,
      comment: fields.comment ?? null,
      tags: withoutRepetitions(fields.tags ?? []),
    };
    const put = () => this.repository.put(userId, stored);
    return this.within(userId, stored, () => this.conversations.resize(userId, conversation_id, put));
  }

  async get(userId: string, id: string): Promise<Feedback> {
    return (await this.repository.find(userId, id)) ?? notFound();
  }

  /**
   * The id of the conversation that a filter names by its id or key.
   * @throws AppError `conversation_not_found` for a key that the user's conversations do not have
   */
  async conversationNamed(userId: string, name: string | undefined): Promise<string | undefined> {
    return name === undefined ? undefined : this.conversations.idOf(userId, name);
  }

  list(
    userId: string,
    filter: FeedbackFilter,
    after: FeedbackPosition | undefined,
    limit: number,
  ): Promise<Feedback[]> {
    return this.repository.list(userId, filter, after, limit);
  }

  async update(userId: string, id: string, { rating, comment, tags }: FeedbackChanges): Promise<Feedback> {
    const changes = {
      ...(rating !== undefined && { rating }),
      ...(comment !== undefined && { comment }),
      ...(tags !== undefined && { tags: withoutRepetitions(tags) }),
    };
    const { conversation_id } = await this.get(userId, id);
    const store = () =>
      this.conversations.resize(userId, conversation_id, async () => {
        const before = bytesOf(await this.get(userId, id));
        const feedback = (await this.repository.update(userId, id, changes)) ?? notFound();
        return { feedback, bytes: bytesOf(feedback) - before };
      });
    return (await this.within(userId, changes, store)).feedback;
  }

  async delete(userId: string, id: string): Promise<void> {
    const { conversation_id } = await this.get(userId, id);
    await this.conversations.resize(userId, conversation_id, async () => {
      const bytes = -bytesOf(await this.get(userId, id));
      if (!(await this.repository.delete(userId, id))) notFound();
      return { bytes };
    });
  }

  /** Whoever has stored all that they may can still rate. */
  private within<T>(userId: string, { comment, tags }: FeedbackChanges, store: () => Promise<T>): Promise<T> {
    return comment || tags?.length ? this.storage.within(userId, store) : store();
  }
}

function withoutRepetitions(tags: readonly string[]): string[] {
  return [...new Set(tags)];
}

function notFound(): never {
  throw feedbackNotFound();
}
