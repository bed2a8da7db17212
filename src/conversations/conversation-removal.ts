import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { STORAGE_BOUNDS } from '../config/bounds';
import { DatabaseState } from '../database/database-state';
import { SlicedWork } from '../database/sliced-work';
import { TransactionRunner } from '../database/transaction-runner';
import { UserEvents } from '../user-events/user-events';
import { conversationNotFound } from './conversation.errors';
import { ConversationsRepository } from './conversations.repository';

/** Data that a feature keeps in conversations. */
export interface ConversationContents {
  /**
   * Removes at most `limit` rows of locked conversations, the newest of each first, and answers their number; fewer only if none is left.
   * @param userStays whether data that outlives a conversation, such as usage, is kept
   */
  remove(userId: string, conversationIds: string[], limit: number, userStays: boolean): Promise<number>;
}

/** Maximum number of conversations that are locked at a time: each costs queries for its contents. */
const CONVERSATIONS_AT_A_TIME = 200;

/**
 * Removes conversations, their contents first. No transaction removes more than a slice: a larger conversation is hidden with its first
 * slice, and the rest is removed in the background.
 */
@Injectable()
export class ConversationRemoval implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly contents: ConversationContents[] = [];
  private readonly work = new SlicedWork({
    name: 'deleted conversations',
    slice: (rows) => this.continue(rows),
  });

  constructor(
    private readonly repository: ConversationsRepository,
    private readonly db: TransactionRunner,
    private readonly database: DatabaseState,
    private readonly events: UserEvents,
  ) {}

  /** Adds the contents of a feature. A feature that depends on another one is added after it, and removed first. */
  add(contents: ConversationContents): void {
    this.contents.unshift(contents);
  }

  onApplicationBootstrap(): void {
    void this.database.whenReady().then(() => this.work.begin());
  }

  onModuleDestroy(): Promise<void> {
    return this.work.end();
  }

  /**
   * Removes a conversation, or its first slice, which has its newest messages, so that its open replies are not written any more.
   * @throws {AppError} `conversation_not_found`
   */
  async run(userId: string, id: string): Promise<void> {
    const gone = await this.db.run(async () => {
      if (!(await this.repository.lock(userId, id))) throw conversationNotFound();
      const { limit } = STORAGE_BOUNDS.rowsOfSlice;
      const isAll = (await this.remove(userId, [id], limit, true)) < limit;
      if (!isAll) await this.repository.hide(userId, id);
      await this.events.append(userId, [{ type: 'conversation.deleted', data: { conversation_id: id } }]);
      await this.events.forgetTexts(userId, id);
      return isAll;
    });
    if (!gone) this.work.wake();
  }

  /** Removes about `limit` rows at most of a user who is being erased, and answers their number; fewer only if none is left. */
  async erase(userId: string, limit: number): Promise<number> {
    for (let left = limit; ;) {
      const ids = left > 0 ? await this.repository.lockSome(userId, CONVERSATIONS_AT_A_TIME) : [];
      if (!ids.length) return limit - left;
      left -= await this.remove(userId, ids, left, false);
    }
  }

  private continue(limit: number): Promise<boolean> {
    return this.db.run(async () => {
      const hidden = await this.repository.lockHidden();
      if (hidden) await this.remove(hidden.user_id, [hidden.id], limit, true);
      return hidden !== undefined;
    });
  }

  /** Removes a slice, and the conversations themselves once they are empty. */
  private async remove(userId: string, ids: string[], limit: number, userStays: boolean): Promise<number> {
    let left = limit;
    for (const contents of this.contents) {
      left -= await contents.remove(userId, ids, left, userStays);
      if (left <= 0) return limit;
    }
    return limit - left + (await this.repository.delete(userId, ids));
  }
}
