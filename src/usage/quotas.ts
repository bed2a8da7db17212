import { Injectable } from '@nestjs/common';
import { AppConfig, type QuotasConfig } from '../config/app-config';
import { STORAGE_BOUNDS } from '../config/bounds';
import type { TurnAllowance, TurnInput } from '../messages/turns.service';
import { quotaExceeded, tooManyRunning } from '../users/quotas/quota-exceeded';
import { StorageQuota } from '../users/quotas/storage-quota';
import { UserLock } from '../users/quotas/user-lock';
import { UsageRepository } from './usage.repository';

/**
 * Quotas of users. A turn sets aside the most tokens that it may use before the model is called, in its message; once the reply has ended, its
 * usage counts instead, however it ended.
 */
@Injectable()
export class Quotas {
  private readonly limits: QuotasConfig;

  constructor(
    config: AppConfig,
    private readonly usage: UsageRepository,
    private readonly lock: UserLock,
    private readonly storage: StorageQuota,
  ) {
    this.limits = config.quotas;
  }

  /**
   * Opens a turn within the quotas of its user, while no other turn of the user can be opened. Without quotas nothing is queried or set aside.
   * @throws {AppError} `quota_exceeded`, and whatever `open` throws
   */
  within<T>(turn: TurnInput, open: (allowance: TurnAllowance) => Promise<T>): Promise<T> {
    const { tokensPerDay, runningReplies, storedBytes, runningRepliesDefault } = this.limits;
    const maxRunning = runningRepliesDefault || null;
    if (!tokensPerDay && !runningReplies && !storedBytes) return open({ reservedTokens: null, maxRunning });
    // The user's lock is taken before that of the conversation, in every turn: in any other order two turns could deadlock.
    return this.lock.hold(turn.userId, async () => {
      const reservedTokens = tokensPerDay || runningReplies ? await this.reserve(turn) : null;
      const opened = await open({ reservedTokens, maxRunning });
      await this.storage.assert(turn.userId);
      return opened;
    });
  }

  /**
   * Checks that the user has so many tokens left for a model call that is no turn. Nothing is set aside: simultaneous calls may exceed the quota
   * by their tokens.
   * @throws {AppError} `quota_exceeded`
   */
  async assertTokens(userId: string, tokens: number): Promise<void> {
    if (!this.limits.tokensPerDay) return;
    const state = await this.usage.state(userId);
    if (state.tokens + tokens > this.limits.tokensPerDay)
      throw quotaExceeded('tokens of today', state.seconds_left);
  }

  /** The most tokens that the turn may use. @throws {AppError} `quota_exceeded` if the user has fewer left, or too many open replies */
  private async reserve(turn: TurnInput): Promise<number> {
    const { userId, tokens: said, prefixTokens = 0, contextTokens: input, maxOutputTokens: output } = turn;
    const conversation = turn.position?.conversation;
    const { tokensPerDay, runningReplies } = this.limits;
    // A conversation of that many messages is taken to fill the budget of the context, so its tokens need not be summed.
    const isLong = (conversation?.message_count ?? 0) > STORAGE_BOUNDS.reservedFrom.limit;
    const summedFrom = isLong ? conversation?.last_sequence : conversation?.context_from;
    const state = await this.usage.state(userId, conversation?.id, summedFrom);
    if (runningReplies && state.open >= runningReplies) throw tooManyRunning();
    const tokens = (isLong ? input : Math.min(state.earlier + said + prefixTokens, input)) + output;
    if (tokensPerDay && state.tokens + tokens > tokensPerDay)
      throw quotaExceeded('tokens of today', state.seconds_left);
    return tokens;
  }
}
