import { Injectable } from '@nestjs/common';
import { newId } from '../common/ids';
import { ConversationsService, type Conversation } from '../conversations/conversations.service';
import { TransactionRunner } from '../database/transaction-runner';
import { StorageQuota } from '../users/quotas/storage-quota';
import { STORAGE_BOUNDS } from '../config/bounds';
import { messageNotFound, pathTooLong, replyInProgress } from './message.errors';
import { MessagesRepository } from './messages.repository';
import { PathsRepository, type ImportedMessage } from './paths.repository';

/** Operations on a path as a whole: making it the active one, copying it, importing one. */
@Injectable()
export class BranchesService {
  constructor(
    private readonly db: TransactionRunner,
    private readonly storage: StorageQuota,
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesRepository,
    private readonly paths: PathsRepository,
  ) {}

  get(userId: string, conversationId: string): Promise<Conversation> {
    return this.conversations.get(userId, conversationId);
  }

  /**
   * Makes the path through this message the active one of its conversation and returns the conversation. The path ends at the leaf that was
   * last active below the message, or, with `exact`, at the message.
   */
  async select(userId: string, messageId: string, exact = false): Promise<Conversation> {
    const message = await this.messages.header(userId, messageId);
    if (!message) throw messageNotFound();
    const { conversation_id: id } = message;
    const of = { userId, conversationId: id };
    return this.db.run(async () => {
      const { active_leaf_id } = await this.conversations.lock(userId, id);
      const leaves = exact ? undefined : await this.paths.leavesBelow(of, active_leaf_id, [messageId]);
      if (active_leaf_id) await this.paths.noteWay(of, active_leaf_id);
      await this.conversations.select(userId, id, leaves?.get(messageId) ?? messageId);
      return this.conversations.get(userId, id);
    });
  }

  /**
   * A new conversation with a copy of the path that ends at this message, or of the active path.
   * @throws AppError `conversation_not_found`, `message_not_found`, `reply_in_progress` while a reply of the path is open,
   *   `path_too_long`
   */
  fork(userId: string, conversationId: string, messageId?: string): Promise<Conversation> {
    const copied = () => this.storage.within(userId, () => this.copy(userId, conversationId, messageId));
    return this.db.run(copied);
  }

  /**
   * A new conversation of the user with messages that somebody else has written and shared: one branch, all of them completed.
   * @throws {AppError} `quota_exceeded`
   */
  importPath(
    userId: string,
    title: string | null,
    messages: readonly ImportedMessage[],
  ): Promise<Conversation> {
    const store = async () => {
      const copy = await this.conversations.createLike(this.conversations.draft(userId, { title }));
      const ids = messages.map(() => newId());
      if (ids.length) {
        const bytes = await this.paths.insertPath({ userId, conversationId: copy.id }, ids, messages);
        const leafId = ids[ids.length - 1];
        const at = copy.last_activity_at;
        await this.conversations.recordMessages(userId, copy.id, {
          leafId,
          count: ids.length,
          bytes,
          at,
          contextFrom: 0,
        });
      }
      await this.conversations.announceCreated(copy);
      return this.conversations.get(userId, copy.id);
    };
    return this.db.run(() => this.storage.within(userId, store));
  }

  private async copy(userId: string, conversationId: string, messageId?: string): Promise<Conversation> {
    const source = await this.conversations.lock(userId, conversationId);
    const copy = await this.conversations.createLike(source);
    const leafId = messageId ?? source.active_leaf_id;
    if (leafId) await this.copyPath(source, leafId, copy);
    await this.conversations.announceCreated(copy);
    return this.conversations.get(userId, copy.id);
  }

  private async copyPath(source: Conversation, leafId: string, copy: Conversation): Promise<void> {
    const { user_id: userId, last_activity_at: at } = source;
    const of = { userId, conversationId: source.id };
    const depth = await this.messages.depthOf(of, leafId);
    if (depth === undefined) throw messageNotFound();
    if (depth > STORAGE_BOUNDS.forkedPath.limit) throw pathTooLong();
    if (await this.paths.hasOpenReply(of, leafId)) throw replyInProgress();
    const ids = Array.from({ length: depth }, () => newId());
    const { bytes, contextFrom } = await this.paths.copy(of, leafId, {
      conversationId: copy.id,
      ids,
      contextFrom: source.context_from,
    });
    await this.conversations.recordMessages(userId, copy.id, {
      leafId: ids[ids.length - 1],
      count: ids.length,
      bytes,
      at,
      contextFrom,
    });
  }
}
