import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import { Signals } from '../signals/signals';
import { userTopic } from '../signals/topics';
import type { UserEvent } from './dto/user-event.dto';
import { FOLLOWED, UserEventWatcher } from './user-event-watcher';
import type { NumberedEvent } from './user-event.types';
import { UserEventsRepository } from './user-events.repository';

/** Maximum number of changes whose events are read at a time. */
const BATCH = 100;

/** Events that follow an event of a user. */
export interface FollowingEvents {
  events: NumberedEvent[];
  /** True if there may be more events already. */
  more: boolean;
}

/** A read in flight, shared by the feeds of the user that are at the same event. */
interface SharedRead {
  seq: number;
  result: Promise<FollowingEvents | number>;
}

/** Events on the data of users, in their order, for feeds. */
@Injectable()
export class UserEvents {
  /** Reads in flight by user id. */
  private readonly reads = new Map<string, SharedRead>();

  constructor(
    private readonly repository: UserEventsRepository,
    private readonly db: TransactionRunner,
    private readonly signals: Signals,
    private readonly watcher: UserEventWatcher,
  ) {}

  /** Appends events in the transaction of the change, as its last statement: nothing may be locked after it. */
  async append(userId: string, events: readonly UserEvent[]): Promise<void> {
    if (!events.length) return;
    await this.repository.append(userId, events);
    this.announce(userId);
  }

  /** Wakes the user's feeds once the transaction is committed; for statements that append events themselves (`appendingEvents`). */
  announce(userId: string): void {
    this.db.afterCommit(() => this.signals.publish(userTopic(userId)));
  }

  /** Removes texts of a conversation from its stored events, when it or some of its fields are gone. To be called after the last append. */
  forgetTexts(userId: string, conversationId: string, fields?: readonly string[]): Promise<void> {
    return this.repository.forgetTexts(userId, conversationId, fields);
  }

  /**
   * Keeps the user's events from now on, while a feed watches and for the time within which a feed can resume; otherwise they are only
   * counted. Answers the number of the last event.
   */
  follow(userId: string): Promise<number> {
    return this.repository.follow(userId, FOLLOWED);
  }

  /** Events after a number; instead the number of the last event if that number is unknown, or events after it are not kept any more. */
  after(userId: string, seq: number): Promise<FollowingEvents | number> {
    const inFlight = this.reads.get(userId);
    if (inFlight?.seq === seq) return inFlight.result;
    const result = this.read(userId, seq).finally(() => {
      if (this.reads.get(userId) === read) this.reads.delete(userId);
    });
    const read = { seq, result };
    this.reads.set(userId, read);
    return result;
  }

  /** Calls back when the user may have events after `seen`. Returns a function that ends the watching. */
  watch(userId: string, seen: () => number, onNews: () => void): () => void {
    return this.watcher.watch(userId, seen, () => {
      // A read in flight may be too early to see the new events.
      this.reads.delete(userId);
      onNews();
    });
  }

  private async read(userId: string, seq: number): Promise<FollowingEvents | number> {
    const { head, events, more } = await this.repository.after(userId, seq, BATCH);
    const isWhole = events.every((event, index) => event.seq === seq + 1 + index);
    if (!isWhole || (!events.length && seq !== head)) return head;
    return { events, more };
  }
}
