import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ConversationsService } from '../../conversations/conversations.service';
import { StorageQuota } from '../../users/quotas/storage-quota';
import { UserData } from '../../users/user-data';
import { UsageRepository } from './usage.repository';
import type { UsageGroup, UsagePeriod, UsageRow } from './usage.types';

/** What users' replies have used, and their messages take up. */
@Injectable()
export class MessageUsage implements OnModuleInit {
  constructor(
    private readonly usage: UsageRepository,
    private readonly conversations: ConversationsService,
    private readonly storage: StorageQuota,
    private readonly data: UserData,
  ) {}

  onModuleInit(): void {
    this.conversations.beforeDeletion((userId, id) => this.usage.keep(userId, id));
    this.storage.count((userId) => this.usage.storedBytes(userId));
    this.data.add({ type: 'past_usage', read: (userId) => this.past(userId) });
  }

  private async *past(userId: string): AsyncGenerator<object> {
    yield* await this.usage.past(userId);
  }

  sum(userId: string, period: UsagePeriod, group: UsageGroup): Promise<UsageRow[]> {
    return this.usage.sum(userId, period, group);
  }
}
