import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ConversationRemoval } from '../conversations/conversation-removal';
import { MessageRemoval } from '../messages/message-removal';
import { UserData } from '../users/user-data';
import { UsageRepository } from './usage.repository';
import type { UsageGroup, UsageKind, UsagePeriod, UsageRow, UsedTokens } from './usage.types';

/** Usage of users: reads it, and keeps it when messages or conversations are removed. */
@Injectable()
export class UsageMeter implements OnModuleInit {
  constructor(
    private readonly usage: UsageRepository,
    private readonly conversations: ConversationRemoval,
    private readonly data: UserData,
    private readonly messages: MessageRemoval,
  ) {}

  onModuleInit(): void {
    this.conversations.add(this.usage);
    this.messages.add(this.usage);
    this.data.add({
      type: 'past_usage',
      read: (userId) => this.past(userId),
      erase: (userId, limit) => this.usage.erasePast(userId, limit),
    });
  }

  private async *past(userId: string): AsyncGenerator<object> {
    yield* await this.usage.past(userId);
  }

  /** Adds the usage of a model call that is no reply, in the caller's transaction if there is one. */
  add(userId: string, kind: UsageKind, used: UsedTokens): Promise<void> {
    return this.usage.add(userId, kind, used);
  }

  sum(userId: string, period: UsagePeriod, group: UsageGroup): Promise<UsageRow[]> {
    return this.usage.sum(userId, period, group);
  }
}
