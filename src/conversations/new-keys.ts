import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import { Signals } from '../signals/signals';
import { keyTopic } from '../signals/topics';
import type { Conversation } from './conversations.service';

/** Tells feeds that wait for a conversation with a client's key that it exists. */
@Injectable()
export class NewKeys {
  constructor(
    private readonly db: TransactionRunner,
    private readonly signals: Signals,
  ) {}

  /** Publishes the topic of the key once the transaction is committed; to be called when a conversation was stored. */
  announce({ user_id: userId, key }: Pick<Conversation, 'user_id' | 'key'>): void {
    if (key !== null) this.db.afterCommit(() => this.signals.publish(keyTopic(userId, key)));
  }
}
