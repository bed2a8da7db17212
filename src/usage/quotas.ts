import { Injectable } from '@nestjs/common';
import { AppConfig, type QuotasConfig } from '../config/app-config';
import { STORAGE_BOUNDS } from '../config/bounds';
import type { TurnAllowance, TurnInput } from '../messages/turns.service';
import { quotaExceeded, tooManyRunning } from '../users/quotas/quota-exceeded';
import { StorageQuota } from '../users/quotas/storage-quota';
import { UserLock } from '../users/quotas/user-lock';
import { UsageRepository } from './usage.repository';

/**
 * What users may have. A turn sets aside the most that it may take before the model is called, in its message; once the
 * reply has ended its usage counts instead, however it ended.
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
   * Opens a turn with what its user may have, while nobody else can open one of this user. Without quotas nothing is asked, and nothing
   * set aside.
   * @throws {AppError} `quota_exceeded`, and whatever `open` throws
   */
  within<T>(turn: TurnInput, open: (allowance: TurnAllowance) => Promise<T>): Promise<T> {
    const { tokensPerDay, runningReplies, storedBytes, runningRepliesDefault } = this.limits;
    const maxRunning = runningRepliesDefault || null;
    if (!tokensPerDay && !runningReplies && !storedBytes) return open({ reservedTokens: null, maxRunning });
    // First of all locks, in every turn: whoever held the conversation and waited for this one could be waited for in turn.
    return this.lock.hold(turn.userId, async () => {
      const reservedTokens = tokensPerDay || runningReplies ? await this.reserve(turn) : null;
      const opened = await open({ reservedTokens, maxRunning });
      await this.storage.assert(turn.userId);
      return opened;
    });
  }

  /**
   * Whether the user has so many tokens left for something that is no turn. Nothing is set aside: what comes in the same moment may exceed the
   * quota by as much.
   * @throws {AppError} `quota_exceeded`
   */
  async assertTokens(userId: string, tokens: number): Promise<void> {
    if (!this.limits.tokensPerDay) return;
    const state = await this.usage.state(userId);
    if (state.tokens + tokens > this.limits.tokensPerDay)
      throw quotaExceeded('tokens of today', state.seconds_left);
  }

  /** The most tokens that the turn may take, if the user has as many left. */
  private async reserve(turn: TurnInput): Promise<number> {
    const { userId, tokens: said, prefixTokens = 0, contextTokens: input, maxOutputTokens: output } = turn;
    const conversation = turn.position?.conversation;
    const { tokensPerDay, runningReplies } = this.limits;
    // A conversation of so many messages could show a model all that it takes: they need not be summed.
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
