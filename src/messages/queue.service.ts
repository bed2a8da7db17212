import { Injectable } from '@nestjs/common';
import { ConversationsService, type Conversation } from '../conversations/conversations.service';
import { isNotFound } from '../errors/app-error';
import { TransactionRunner } from '../database/transaction-runner';
import { InstanceService } from '../instances/instance.service';
import type { ConversationRef, QueuedRequest, ReplyRef, WaitingConversation } from './message.types';
import type { Message } from './messages.service';
import { QueueRepository } from './queue.repository';
import { SlotQueue } from './slot-queue';

/** A queued reply whose turn has come, its conversation, and its settings and prefix. */
export interface StartedTurn {
  conversation: Conversation;
  reply: Message & { instance_id: string };
  request: QueuedRequest;
}

/** The queued reply whose turn comes next in its conversation, where no reply runs. */
export interface FirstInQueue {
  id: string;
  model: string;
  /** True if its model has a limit, so that it also waits for replies of other conversations. */
  waitsForSlot: boolean;
}

const MOST_COUNTED = 100_000;

/** Replies that wait for their turn. */
@Injectable()
export class QueueService {
  constructor(
    private readonly db: TransactionRunner,
    private readonly conversations: ConversationsService,
    private readonly queue: QueueRepository,
    private readonly instance: InstanceService,
    private readonly slots: SlotQueue,
  ) {}

  /** Whether there are models with `max_concurrent`. */
  get hasLimits(): boolean {
    return this.slots.models.length > 0;
  }

  /** Number of queued replies of all users, counted up to 100,000: for metrics. */
  countQueued(): Promise<number> {
    return this.queue.countQueued(MOST_COUNTED);
  }

  /** Does the work under the lock of the conversation, which starting its next reply takes too; `ahead` counts the replies to wait for. */
  join<T>(
    userId: string,
    conversationId: string,
    work: (ahead: { running: number; waiting: number }) => Promise<T>,
  ): Promise<T> {
    return this.db.run(async () => {
      await this.conversations.lock(userId, conversationId);
      return work(await this.queue.join({ userId, conversationId }));
    });
  }

  /** The conversation's first queued reply; undefined if there is none, or while one is running. */
  async first({
    user_id: userId,
    conversation_id: conversationId,
  }: WaitingConversation): Promise<FirstInQueue | undefined> {
    const first = await this.queue.first({ userId, conversationId });
    return first && { ...first, waitsForSlot: this.slots.models.includes(first.model) };
  }

  /** @throws AppError `queue_full` if too many replies wait for the model */
  assertRoom(turn: { userId: string; model: string }): Promise<void> {
    return this.slots.assertRoom(turn);
  }

  /**
   * Makes the conversation's first queued reply this process's to write, unless one is running; one caller gets it.
   * @param onlyId begins nothing if another one is the first
   */
  begin(
    { user_id: userId, conversation_id: conversationId }: WaitingConversation,
    onlyId?: string,
  ): Promise<StartedTurn | undefined> {
    return this.db.run(async () => {
      const conversation = await this.conversations.lock(userId, conversationId).catch(asAbsent);
      const begun =
        conversation && (await this.queue.beginNext({ userId, conversationId }, this.instance.id, onlyId));
      if (!begun) return undefined;
      const { request, ...reply } = begun;
      return { conversation, reply, request };
    });
  }

  /** Ends a reply that waits, as stopped and empty; false if it does not wait any more. */
  cancel(userId: string, id: string): Promise<boolean> {
    return this.queue.cancel(userId, id);
  }

  /** Ends all queued replies of the conversation, as stopped and empty, and answers their ids. */
  cancelAll(of: ConversationRef): Promise<string[]> {
    return this.queue.cancelAll(of);
  }

  /** Ends all queued replies of users who are locked out, and answers their ids. */
  async cancelLockedOut(): Promise<string[]> {
    const cancelled: string[] = [];
    for (const { user_id: userId, conversation_id: conversationId } of await this.queue.waitingOfLockedOut())
      cancelled.push(...(await this.queue.cancelAll({ userId, conversationId })));
    return cancelled;
  }

  /** Conversations with queued replies of which none runs, except those whose first one waits for a slot of its model. */
  waiting(limit: number): Promise<WaitingConversation[]> {
    return this.queue.waiting(limit, this.slots.models);
  }

  /** Ids of the given replies that do not wait any more: begun, cancelled or gone. */
  notWaiting(replies: readonly ReplyRef[]): Promise<string[]> {
    return this.queue.notWaiting(replies);
  }
}

function asAbsent(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}
