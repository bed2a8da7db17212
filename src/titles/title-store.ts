import { Injectable } from '@nestjs/common';
import type { Conversation } from '../conversations/conversations.service';
import { TransactionRunner } from '../database/transaction-runner';
import { Signals } from '../signals/signals';
import { titleTopic } from '../signals/topics';
import { Quotas } from '../usage/quotas';
import { UsageMeter } from '../usage/usage-meter';
import type { UsedTokens } from '../usage/usage.types';

/** Stores titles with what they have used, and tells who follows the conversation. */
@Injectable()
export class TitleStore {
  constructor(
    private readonly db: TransactionRunner,
    private readonly meter: UsageMeter,
    private readonly quotas: Quotas,
    private readonly signals: Signals,
  ) {}

  /** @throws {AppError} `quota_exceeded` if the user has not so many tokens left today */
  assertTokens(userId: string, tokens: number): Promise<void> {
    return this.quotas.assertTokens(userId, tokens);
  }

  /**
   * What was used counts in any case.
   * @param name stores the title; undefined where there is none, or where the conversation has another one by now
   */
  async save(
    userId: string,
    used: UsedTokens | undefined,
    name: () => Promise<Conversation | undefined>,
  ): Promise<Conversation | undefined> {
    const named = await this.db.run(async () => {
      if (used) await this.meter.add(userId, 'title', used);
      // Last: it tells the feed of the user, and nothing may be locked after that.
      return name();
    });
    if (named?.title_source === 'model') this.signals.publish(titleTopic(named.id));
    return named;
  }
}
