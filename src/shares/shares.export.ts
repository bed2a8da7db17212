import { Injectable, type OnModuleInit } from '@nestjs/common';
import { STORAGE_BOUNDS } from '../config/bounds';
import { ConversationRemoval } from '../conversations/conversation-removal';
import { JobQueue } from '../jobs/job-queue';
import { repeat } from '../jobs/repeated-job';
import { UserData } from '../users/user-data';
import { toShareResponse } from './dto/share.response';
import { SharesRepository } from './shares.repository';
import { Shares } from './shares.service';

/** What shares there are, and what is done with them. */
@Injectable()
export class HeldShares {
  constructor(
    readonly repository: SharesRepository,
    readonly shares: Shares,
  ) {}
}

/** A user's shares as part of all that is kept of them and of conversations, and the end of those whose time is over. */
@Injectable()
export class SharesExport implements OnModuleInit {
  constructor(
    private readonly data: UserData,
    private readonly conversations: ConversationRemoval,
    private readonly queue: JobQueue,
    private readonly held: HeldShares,
  ) {}

  async onModuleInit(): Promise<void> {
    const { repository, shares } = this.held;
    this.data.add({
      type: 'share',
      read: (userId) => this.read(userId),
      erase: (userId, limit) => repository.deleteOf(userId, limit),
    });
    this.conversations.add({
      remove: (userId, conversationIds, limit) => repository.deleteIn(userId, conversationIds, limit),
    });
    await repeat(this.queue, 'retention.shares', '*/10 * * * *', () =>
      shares.sweep(STORAGE_BOUNDS.expiredShares.limit),
    );
  }

  /** With the texts that only the share has left; one by one, since they may be long. */
  private async *read(userId: string): AsyncGenerator<object> {
    for (let after: string | undefined; ;) {
      const [share] = await this.held.repository.listAll(userId, after, 1);
      if (!share) return;
      yield { ...toShareResponse(share), kept_messages: share.kept };
      after = share.id;
    }
  }
}
