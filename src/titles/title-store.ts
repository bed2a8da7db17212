import { Injectable } from '@nestjs/common';
import { ConversationsService, type Conversation } from '../conversations/conversations.service';
import { TransactionRunner } from '../database/transaction-runner';
import { Signals } from '../signals/signals';
import { titleTopic } from '../signals/topics';
import { UsageMeter } from '../usage/usage-meter';
import type { UsedTokens } from '../usage/usage.types';

/** Stores titles with what they have used, and tells who follows the conversation. */
@Injectable()
export class TitleStore {
  constructor(
    private readonly db: TransactionRunner,
    private readonly conversations: ConversationsService,
    private readonly meter: UsageMeter,
    private readonly signals: Signals,
  ) {}

  /** What was used counts in any case. Undefined without a title, or where the conversation has another one by now. */
  async save(
    conversation: Conversation,
    title: string | undefined,
    used: UsedTokens | undefined,
  ): Promise<Conversation | undefined> {
    const { id, user_id } = conversation;
    const named = await this.db.run(async () => {
      if (used) await this.meter.add(user_id, 'title', used);
      if (!title) return undefined;
      return this.changed(await this.conversations.retitle(conversation, { title, title_source: 'model' }));
    });
    if (named) this.signals.publish(titleTopic(id));
    return named;
  }

  /** Undefined where the conversation has another title by now. */
  keepFirstWords(conversation: Conversation, title: string): Promise<Conversation | undefined> {
    return this.db.run(async () =>
      this.changed(await this.conversations.retitle(conversation, { title, title_source: 'auto' })),
    );
  }

  /** Last in the transaction that changes a title: the place of the event on the feed of its user (`/events`). */
  private changed(conversation: Conversation | undefined): Conversation | undefined {
    return conversation;
  }
}
