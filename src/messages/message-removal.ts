import { Injectable } from '@nestjs/common';
import { STORAGE_BOUNDS } from '../config/bounds';
import { conversationUpdated } from '../conversations/conversation-events';
import { ConversationsService } from '../conversations/conversations.service';
import { TransactionRunner } from '../database/transaction-runner';
import type { UserEvent } from '../user-events/dto/user-event.dto';
import { messageNotFound, replyInProgress, tooMuchBelow } from './message.errors';
import { isOpen, type ConversationRef } from './message.types';
import { PathsRepository } from './paths.repository';
import { SubtreesRepository, type OtherVersion, type SubtreeMessage } from './subtrees.repository';

/** Data that a feature keeps on messages. */
export interface MessageContents {
  /**
   * Called before the messages are removed, while their conversation is locked: removes the feature's data on them, or preserves data that
   * outlives them. Answers the number of bytes of `stored_bytes` that this frees.
   */
  removeOf(userId: string, messageIds: string[]): Promise<number>;
}

/** Maximum number of ids in one `message.deleted` event. */
const IDS_OF_EVENT = 100;

/**
 * Removes a message and all messages below it. The active path is moved away first; then messages are removed from the newest on, a slice
 * in each transaction, so that the rest is a tree at any time: a removal that was interrupted can be repeated.
 */
@Injectable()
export class MessageRemoval {
  private readonly contents: MessageContents[] = [];

  constructor(
    private readonly db: TransactionRunner,
    private readonly conversations: ConversationsService,
    private readonly paths: PathsRepository,
    private readonly subtrees: SubtreesRepository,
  ) {}

  add(contents: MessageContents): void {
    this.contents.push(contents);
  }

  /** @throws AppError `message_not_found`, `reply_in_progress` while a reply of it is open, `too_much_below`, `too_much_shared` */
  async run(userId: string, messageId: string): Promise<void> {
    const conversationId = await this.subtrees.conversationOf(userId, messageId);
    if (!conversationId) throw messageNotFound();
    const of = { userId, conversationId };
    const slice = () => this.db.run(() => this.removeSlice(of, messageId));
    let removed = await slice();
    if (!removed) throw messageNotFound();
    while (removed === STORAGE_BOUNDS.removedAtOnce.limit) removed = await slice();
  }

  /** Removes a slice of the messages and answers their number; fewer than a slice means that none is left. */
  private async removeSlice(of: ConversationRef, messageId: string): Promise<number> {
    const { userId, conversationId } = of;
    const { removedBelow, removedAtOnce } = STORAGE_BOUNDS;
    const conversation = await this.conversations.lock(userId, conversationId);
    const subtree = await this.subtrees.below(of, messageId, removedBelow.limit + 2);
    const root = subtree.find(({ id }) => id === messageId);
    if (!root) return 0;
    if (subtree.length > removedBelow.limit + 1) throw tooMuchBelow();
    if (subtree.some(isOpen)) throw replyInProgress();

    const other = await this.subtrees.newestBeside(of, root);
    const leafId = await this.leafWithout(of, root, other);
    const isActive = subtree.some(({ id }) => id === conversation.active_leaf_id);
    if (isActive) await this.conversations.moveTo(userId, conversationId, leafId);
    const newestFirst = subtree.toSorted((a, b) => b.sequence - a.sequence);
    const messages = newestFirst.slice(0, removedAtOnce.limit);
    const ids = messages.map(({ id }) => id);
    const isFirst = root.parent_id === null && ids.includes(root.id);
    const words = isFirst ? await this.subtrees.textOf(userId, root.id) : '';
    let bytes = 0;
    for (const contents of this.contents) bytes += await contents.removeOf(userId, ids);
    bytes += await this.subtrees.remove(userId, ids);
    await this.conversations.shrink(userId, conversationId, {
      messages: ids.length,
      bytes,
      replies: sequencesOfReplies(messages),
    });
    const next = isFirst && other ? await this.subtrees.textOf(userId, other.id) : undefined;
    const named = isFirst ? await this.conversations.forgetWords(conversation, words, next) : undefined;
    const isRead = isFirst && !other && (await this.conversations.markEmpty(userId, conversationId));
    const changes = { ...(isActive && { active_message_id: leafId }), ...(isRead && { unread: false }) };
    await this.conversations.tell(userId, [
      ...deletedEvents(conversationId, ids),
      ...(Object.keys(changes).length ? [conversationUpdated(conversationId, changes)] : []),
    ]);
    if (named) await this.conversations.tellTitle(userId, conversationId, named);
    return ids.length;
  }

  /** New leaf of the active path when a message is removed: below its newest other version, or, without one, its parent. */
  private async leafWithout(
    of: ConversationRef,
    message: SubtreeMessage,
    other: OtherVersion | undefined,
  ): Promise<string | null> {
    if (message.parent_id !== null) await this.subtrees.leadPast(of, message, other);
    if (!other) return message.parent_id;
    // `null`: the active path goes through the removed message, so its leaf does not tell the way below the other version.
    const leaves = await this.paths.leavesBelow(of, null, [other.id]);
    return leaves.get(other.id) ?? other.id;
  }
}

function sequencesOfReplies(messages: readonly SubtreeMessage[]): Record<string, number> {
  const replies = messages.filter(({ role }) => role === 'assistant');
  return Object.fromEntries(replies.map(({ id, sequence }) => [id, sequence]));
}

function deletedEvents(conversation_id: string, ids: string[]): UserEvent[] {
  const events: UserEvent[] = [];
  for (let from = 0; from < ids.length; from += IDS_OF_EVENT)
    events.push({
      type: 'message.deleted',
      data: { conversation_id, message_ids: ids.slice(from, from + IDS_OF_EVENT) },
    });
  return events;
}
