import { Injectable } from '@nestjs/common';
import { createHash, randomBytes } from 'node:crypto';
import { newId } from '../common/ids';
import { STORAGE_BOUNDS } from '../config/bounds';
import { ConversationsService, type Conversation } from '../conversations/conversations.service';
import { AppError, isNotFound } from '../errors/app-error';
import { StorageQuota } from '../users/quotas/storage-quota';
import { SharedPaths } from './shared-paths';
import type { SharedMessage } from './shared-messages';
import { SharesRepository, type OpenedShare, type Share, type SharePosition } from './shares.repository';

export const shareNotFound = () =>
  new AppError('not_found', 'share_not_found', 'Nothing is shared here, or not any more.');

export const tooManyShares = () =>
  new AppError(
    'conflict',
    'too_many_shares',
    `At most ${STORAGE_BOUNDS.sharesOfUser.limit} shares are kept; take one back first.`,
  );

const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** What is asked for. */
export interface ShareFields {
  message_id?: string;
  expires_at?: string | null;
  live?: boolean;
}

/** What a reader is shown. */
export interface SharedConversation {
  title: string | null;
  messages: SharedMessage[];
  messages_truncated?: true;
  created_at: Date;
}

/**
 * Paths of conversations that whoever has a link may read. A share refers to messages; only when these are deleted does it keep a copy
 * (docs/decisions/045-shares.md).
 */
@Injectable()
export class Shares {
  constructor(
    private readonly repository: SharesRepository,
    private readonly conversations: ConversationsService,
    private readonly paths: SharedPaths,
    private readonly storage: StorageQuota,
  ) {}

  /**
   * A new share; its token is known this once.
   * @throws {AppError} `conversation_not_found`, `message_not_found`, `conversation_empty`, `reply_in_progress`, `too_many_shares`, `quota_exceeded`
   */
  async create(
    userId: string,
    conversationId: string,
    fields: ShareFields,
  ): Promise<{ share: Share; token: string }> {
    const { live = false, expires_at } = fields;
    const token = randomBytes(32).toString('base64url');
    const { share } = await this.storage.within(userId, () =>
      this.conversations.resize(userId, conversationId, async () => {
        if ((await this.repository.countOf(userId)) >= STORAGE_BOUNDS.sharesOfUser.limit)
          throw tooManyShares();
        const conversation = await this.conversations.get(userId, conversationId);
        const made = {
          user_id: userId,
          id: newId(),
          conversation_id: conversationId,
          live,
          message_id: await this.paths.endOf(conversation, fields.message_id, live),
          title: live ? null : conversation.title,
          created_at: new Date(),
          expires_at: expires_at ? new Date(expires_at) : null,
        };
        const bytes = await this.repository.insert({ ...made, token_hash: hashOf(token) });
        return { share: made, bytes };
      }),
    );
    return { share, token };
  }

  list(
    userId: string,
    conversationId: string | undefined,
    after: SharePosition | undefined,
    limit: number,
  ): Promise<Share[]> {
    return this.repository.list(userId, conversationId, after, limit);
  }

  /** @throws {AppError} `share_not_found` */
  async delete(userId: string, id: string): Promise<void> {
    const share = (await this.repository.find(userId, id)) ?? notFound();
    await this.remove(share);
  }

  /** What is shared under a token. @throws {AppError} `share_not_found` */
  async read(token: string): Promise<SharedConversation> {
    const share = await this.open(token);
    try {
      return await this.show(share);
    } catch (error) {
      // The conversation, or the message of a live share, has been deleted.
      if (isNotFound(error)) throw shareNotFound();
      throw error;
    }
  }

  /** Takes back those whose time is over; answers how many. */
  async sweep(limit: number): Promise<number> {
    const expired = await this.repository.expired(limit);
    for (const share of expired)
      await this.remove(share).catch((error: unknown) => {
        // It goes with its conversation.
        if (!isNotFound(error)) throw error;
      });
    return expired.length;
  }

  private async remove({
    user_id,
    id,
    conversation_id,
  }: Pick<Share, 'user_id' | 'id' | 'conversation_id'>): Promise<void> {
    await this.conversations.resize(user_id, conversation_id, async () => ({
      bytes: -((await this.repository.delete(user_id, id)) ?? 0),
    }));
  }

  private async open(token: string): Promise<OpenedShare> {
    const share = TOKEN.test(token) ? await this.repository.open(hashOf(token)) : undefined;
    return share ?? notFound();
  }

  private async show(share: OpenedShare): Promise<SharedConversation> {
    const conversation: Conversation = await this.conversations.get(share.user_id, share.conversation_id);
    const { messages, truncated } = share.kept
      ? { messages: share.kept, truncated: false }
      : await this.paths.read(conversation, share);
    return {
      title: share.live ? conversation.title : share.title,
      messages,
      ...(truncated && { messages_truncated: true as const }),
      created_at: share.created_at,
    };
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function notFound(): never {
  throw shareNotFound();
}
