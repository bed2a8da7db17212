import { Injectable, type OnModuleInit } from '@nestjs/common';
import { STORAGE_BOUNDS } from '../config/bounds';
import { MessageRemoval } from '../messages/message-removal';
import { tooMuchShared } from '../messages/message.errors';
import { SharedPaths } from './shared-paths';
import { SharesRepository } from './shares.repository';

/**
 * Keeps what shares show of messages that are deleted. Whoever deletes a message deletes what hangs below it, the newest first: the message at
 * which a path ends goes before all others of the path, or with them, so that the whole path is there when this hears of it.
 */
@Injectable()
export class KeptPaths implements OnModuleInit {
  constructor(
    private readonly removal: MessageRemoval,
    private readonly paths: SharedPaths,
    private readonly repository: SharesRepository,
  ) {}

  onModuleInit(): void {
    this.removal.add(this);
  }

  /**
   * Answers how many bytes it frees: less than nothing where something is kept.
   * @throws {AppError} `too_much_shared`
   */
  async removeOf(userId: string, messageIds: string[]): Promise<number> {
    await this.repository.deleteLiveOf(userId, messageIds);
    const snapshots = await this.repository.snapshotsOf(userId, messageIds);
    let kept = 0;
    let bytes = 0;
    for (const { message_id, conversation_id: conversationId, ids } of snapshots) {
      const { messages } = await this.paths.upTo({ userId, conversationId }, message_id);
      const path = JSON.stringify(messages);
      bytes += Buffer.byteLength(path) * ids.length;
      // The path may be long, and the shares many: all of it is one transaction.
      if (bytes > STORAGE_BOUNDS.keptAtOnce.limit) throw tooMuchShared();
      kept += await this.repository.keep(userId, ids, path);
    }
    if (kept && (await this.repository.keptOf(userId)) > STORAGE_BOUNDS.keptOfUser.limit)
      throw tooMuchShared();
    return -kept;
  }
}
