import { Injectable, type OnModuleInit } from '@nestjs/common';
import { MessageRemoval } from '../messages/message-removal';
import { UserData } from '../users/user-data';
import { toFeedbackResponse } from './dto/feedback.dto';
import type { FeedbackPosition } from './feedback-filter';
import { FeedbackRepository } from './feedback.repository';

const PAGE = 100;

/** A user's feedback as part of all that is kept of them, and of messages. */
@Injectable()
export class FeedbackExport implements OnModuleInit {
  constructor(
    private readonly data: UserData,
    private readonly feedback: FeedbackRepository,
    private readonly messages: MessageRemoval,
  ) {}

  onModuleInit(): void {
    this.messages.add(this.feedback);
    // It is erased with the message that it is of.
    this.data.add({ type: 'feedback', read: (userId) => this.read(userId) });
  }

  private async *read(userId: string): AsyncGenerator<object> {
    for (let after: FeedbackPosition | undefined; ;) {
      const rows = await this.feedback.list(userId, {}, after, PAGE);
      yield* rows.map((row) => toFeedbackResponse(row));
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      after = { created_at: last.created_at.toISOString(), id: last.id };
    }
  }
}
