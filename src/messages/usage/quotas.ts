import { Injectable } from '@nestjs/common';
import { AppConfig, type QuotasConfig } from '../../config/app-config';
import type { Conversation } from '../../conversations/conversations.service';
import { AppError } from '../../errors/app-error';
import { UsageRepository } from './usage.repository';

/** The most that a turn may take. */
export interface TurnCost {
  /** Tokens of what is said. */
  said: number;
  /** Tokens that the model may be shown, and may answer with. */
  input: number;
  output: number;
}

const WHEN_REPLY_ENDS_S = 5;

export const quotaExceeded = (what = 'tokens of today', retryAfterS = 3600) =>
  new AppError('rate_limited', 'quota_exceeded', `Your ${what} are used up.`, { retryAfterS });

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
  ) {
    this.limits = config.quotas;
  }

  /**
   * The tokens to set aside. To be called in the transaction that opens the reply.
   * @throws {AppError} `quota_exceeded`
   */
  async reserve(conversation: Conversation, cost: TurnCost): Promise<number> {
    const { tokensPerDay, runningReplies } = this.limits;
    if (!tokensPerDay && !runningReplies) return 0;
    const earlier = await this.usage.tokensIn(conversation.id, conversation.context_from);
    const tokens = Math.min(earlier + cost.said, cost.input) + cost.output;
    const state = await this.usage.lockState(conversation.user_id);
    if (runningReplies && state.running >= runningReplies)
      throw quotaExceeded('running replies', WHEN_REPLY_ENDS_S);
    if (tokensPerDay && state.tokens + tokens > tokensPerDay)
      throw quotaExceeded('tokens of today', state.seconds_left);
    return tokens;
  }
}
