import { Injectable, type OnModuleInit } from '@nestjs/common';
import { MessageRemoval } from '../messages/message-removal';
import { MessagesService } from '../messages/messages.service';
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
    private readonly messages: MessagesService,
    private readonly paths: SharedPaths,
    private readonly repository: SharesRepository,
  ) {}

  onModuleInit(): void {
    this.removal.add(this);
  }

  /** Answers how many bytes it frees: less than nothing where something is kept. */
  async removeOf(userId: string, messageIds: string[]): Promise<number> {
    await this.repository.deleteLiveOf(userId, messageIds);
    let kept = 0;
    for (const { id, message_id } of await this.repository.snapshotsOf(userId, messageIds)) {
      const { conversation_id: conversationId } = await this.messages.header(userId, message_id);
      const { messages } = await this.paths.upTo({ userId, conversationId }, message_id);
      kept += await this.repository.keep(userId, id, messages);
    }
    return -kept;
  }
}
