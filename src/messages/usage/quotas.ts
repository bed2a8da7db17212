import { Injectable } from '@nestjs/common';
import { AppConfig, type QuotasConfig } from '../../config/app-config';
import { STORAGE_BOUNDS } from '../../config/bounds';
import type { Conversation } from '../../conversations/conversations.service';
import { TransactionRunner } from '../../database/transaction-runner';
import { quotaExceeded } from '../../users/quotas/quota-exceeded';
import { StorageQuota } from '../../users/quotas/storage-quota';
import { UserLock } from '../../users/quotas/user-lock';
import { UsageRepository } from './usage.repository';

/** Whose a turn is, and the most that it may take. */
export interface TurnCost {
  userId: string;
  /** Where it goes; absent: a new one. */
  conversation?: Conversation;
  /** Tokens of what is said, and of what the reply begins with. */
  said: number;
  /** Tokens that the model may be shown, and may answer with. */
  input: number;
  output: number;
}

const WHEN_REPLY_ENDS_S = 5;

export const tooManyRunning = () => quotaExceeded('running replies', WHEN_REPLY_ENDS_S);

/**
 * What users may have. A turn sets aside the most that it may take before the model is called, in its message; once the
 * reply has ended its usage counts instead, however it ended.
 */
@Injectable()
export class Quotas {
  private readonly limits: QuotasConfig;

  constructor(
    config: AppConfig,
    private readonly db: TransactionRunner,
    private readonly usage: UsageRepository,
    private readonly lock: UserLock,
    private readonly storage: StorageQuota,
  ) {
    this.limits = config.quotas;
  }

  /**
   * How many replies of a user may run where the operator has set no limit; null: any number. The turn's own statement counts them, so
   * that nobody waits for a lock, and turns that come in the same moment may exceed it by their number.
   */
  get maxRunning(): number | null {
    return this.limits.runningRepliesDefault || null;
  }

  /**
   * Opens a turn with the tokens that are set aside for it, while nobody else can open one of this user. Without quotas nothing is
   * asked, and nothing set aside.
   * @throws {AppError} `quota_exceeded`, and whatever `open` throws
   */
  within<T>(cost: TurnCost, open: (reserved: number | null) => Promise<T>): Promise<T> {
    const { tokensPerDay, runningReplies, storedBytes } = this.limits;
    if (!tokensPerDay && !runningReplies && !storedBytes) return open(null);
    // First of all locks, in every turn: whoever held the conversation and waited for this one could be waited for in turn.
    return this.db.run(async () => {
      await this.lock.take(cost.userId);
      const opened = await open(tokensPerDay || runningReplies ? await this.reserve(cost) : null);
      await this.storage.assert(cost.userId);
      return opened;
    });
  }

  private async reserve({ userId, conversation, said, input, output }: TurnCost): Promise<number> {
    const { tokensPerDay, runningReplies } = this.limits;
    // A conversation of so many messages could show a model all that it takes: they need not be summed.
    const isLong = (conversation?.message_count ?? 0) > STORAGE_BOUNDS.reservedFrom.limit;
    const summedFrom = isLong ? conversation?.last_sequence : conversation?.context_from;
    const state = await this.usage.state(userId, conversation?.id, summedFrom);
    if (runningReplies && state.open >= runningReplies) throw tooManyRunning();
    const tokens = (isLong ? input : Math.min(state.earlier + said, input)) + output;
    if (tokensPerDay && state.tokens + tokens > tokensPerDay)
      throw quotaExceeded('tokens of today', state.seconds_left);
    return tokens;
  }
}
