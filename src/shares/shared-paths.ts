import { Injectable } from '@nestjs/common';
import { STORAGE_BOUNDS } from '../config/bounds';
import type { Conversation } from '../conversations/conversations.service';
import { AppError } from '../errors/app-error';
import { messageNotFound, replyInProgress } from '../messages/message.errors';
import { isOpen } from '../messages/message.types';
import { MessagesService, type PathPosition } from '../messages/messages.service';
import { toSharedMessage, type SharedMessage } from './shared-messages';
import type { Share } from './shares.repository';

export const nothingToShare = () =>
  new AppError('conflict', 'conversation_empty', 'There is nothing to share in this conversation.');

const PAGE = 100;
const { sharedMessages, sharedBytes } = STORAGE_BOUNDS;

/** Oldest first; the end of a path that is too long to be shown whole. */
export interface SharedPath {
  messages: SharedMessage[];
  truncated: boolean;
}

/** The paths that shares show. */
@Injectable()
export class SharedPaths {
  constructor(private readonly messages: MessagesService) {}

  /**
   * What a new share refers to: the message at which its path ends; of a live one, through which it goes, or null for the active path.
   * @throws {AppError} `message_not_found`, `conversation_empty`, `reply_in_progress`
   */
  async endOf(
    { id, user_id: userId, active_leaf_id }: Conversation,
    asked: string | undefined,
    live: boolean,
  ): Promise<string | null> {
    if (asked === undefined && live) return null;
    const leafId = asked ?? active_leaf_id;
    if (!leafId) throw nothingToShare();
    const message = await this.messages.header(userId, leafId);
    if (message.conversation_id !== id) throw messageNotFound();
    // It would not be the same tomorrow.
    if (!live && isOpen(message)) throw replyInProgress();
    return leafId;
  }

  /** @throws {AppError} `message_not_found` */
  async read(
    conversation: Conversation,
    { live, message_id }: Pick<Share, 'live' | 'message_id'>,
  ): Promise<SharedPath> {
    const { id: conversationId, user_id: userId, active_leaf_id } = conversation;
    if (!live) return this.upTo({ userId, conversationId }, message_id);
    const leafId = message_id
      ? await this.messages.leafThrough(userId, conversationId, message_id)
      : active_leaf_id;
    return this.upTo({ userId, conversationId }, leafId);
  }

  /** The messages of a path that are over, from the newest on, until they are as many or as long as are shown. */
  async upTo(of: { userId: string; conversationId: string }, leafId: string | null): Promise<SharedPath> {
    const newestFirst: SharedMessage[] = [];
    let bytes = 0;
    for (let position: PathPosition | undefined = leafId ? { leafId } : undefined; position;) {
      const { messages, next } = await this.messages.history(of, position, PAGE);
      for (const message of messages.toReversed()) {
        const shared = toSharedMessage(message);
        if (!shared) continue;
        bytes += Buffer.byteLength(shared.content);
        const isFull = newestFirst.length === sharedMessages.limit || bytes > sharedBytes.limit;
        // One is shown however long it is.
        if (isFull && newestFirst.length > 0) return { messages: newestFirst.toReversed(), truncated: true };
        newestFirst.push(shared);
      }
      position = next;
    }
    return { messages: newestFirst.toReversed(), truncated: false };
  }
}
