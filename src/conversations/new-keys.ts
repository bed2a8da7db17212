import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import { Signals } from '../signals/signals';
import { keyTopic } from '../signals/topics';
import type { Conversation } from './conversations.service';

/** Tells feeds that wait for a conversation with a key of its client's that there is one. */
@Injectable()
export class NewKeys {
  constructor(
    private readonly db: TransactionRunner,
    private readonly signals: Signals,
  ) {}

  /** To be called when a conversation has been stored; told once that is committed. */
  announce({ user_id: userId, key }: Pick<Conversation, 'user_id' | 'key'>): void {
    if (key !== null) this.db.afterCommit(() => this.signals.publish(keyTopic(userId, key)));
  }
}
