import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Poller } from '../../common/poller';
import { STORAGE_BOUNDS } from '../../config/bounds';
import { DatabaseState } from '../../database/database-state';
import { TransactionRunner } from '../../database/transaction-runner';
import { Signals } from '../../signals/signals';
import { REVOCATIONS_TOPIC } from '../../signals/topics';
import { RevocationsRepository } from './revocations.repository';
import { subjectOf } from './subject';

const POLL_INTERVAL_MS = 400;
/** What was read longer ago may have been overtaken by a change that this process has not heard of. */
const FRESH_MS = 900;
/** Each poll covers this much of the past, so that a slow transaction is not missed. */
const WINDOW_S = 60;
const SWEEP_MS = 60_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * What was known of a user has changed: a role, a password, a session, a key, or that they exist. All processes hear of it
 * within half a second, drop what they remember, and look again. A change of this process is published at once, one of another when
 * a poll finds it; listeners hear of both by the topic `revocations`.
 */
@Injectable()
export class UserChangeFeed implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly poller = new Poller({
    name: 'who has been locked out elsewhere',
    everyMs: () => POLL_INTERVAL_MS,
    isNeeded: () => !this.ended,
    poll: () => this.poll(),
  });
  private seen = new Set<string>();
  private polledAt = -Infinity;
  private sweptAt = 0;
  private ended = false;

  constructor(
    private readonly repository: RevocationsRepository,
    private readonly db: TransactionRunner,
    private readonly database: DatabaseState,
    private readonly signals: Signals,
  ) {}

  /**
   * Calls the listener with `subjectOf` each user of whom something has changed, or with undefined if it may be anybody. Returns a function that
   * ends the subscription.
   */
  subscribe(on: (subject: string | undefined) => void): () => void {
    return this.signals.subscribe(REVOCATIONS_TOPIC, (data) => on(data && decoder.decode(data)));
  }

  /** Whether what this process remembers is not older than it may be. */
  get current(): boolean {
    return this.database.exclusive || performance.now() - this.polledAt < FRESH_MS;
  }

  /** Does the work in a transaction, and tells everybody once it is committed. */
  change<T>(userId: string, work: () => Promise<T>): Promise<T> {
    const subject = subjectOf(userId);
    return this.db.run(async () => {
      const done = await work();
      if (!this.database.exclusive) await this.repository.insert(subject);
      this.db.afterCommit(() => this.publish(subject));
      return done;
    });
  }

  onApplicationBootstrap(): void {
    if (this.database.exclusive) return;
    void this.database.whenReady().then(() => this.poller.start());
  }

  onModuleDestroy(): void {
    this.ended = true;
    this.poller.now();
  }

  private publish(subject?: string): void {
    this.signals.publish(REVOCATIONS_TOPIC, subject === undefined ? undefined : encoder.encode(subject));
  }

  private async poll(): Promise<void> {
    const started = performance.now();
    const rows = await this.repository.since(WINDOW_S);
    // After so long a silence some may have come and gone unseen.
    if (started - this.polledAt > (WINDOW_S * 1000) / 2) this.publish();
    const unseen = rows.filter(({ id }) => !this.seen.has(id));
    this.seen = new Set(rows.map(({ id }) => id));
    this.polledAt = started;
    for (const { subject } of unseen) this.publish(subject);
    if (started - this.sweptAt < SWEEP_MS) return;
    this.sweptAt = started;
    const { limit } = STORAGE_BOUNDS.expiredSlice;
    // As long as there is more, the next poll goes on.
    if ((await this.repository.deleteOlderThan(2 * WINDOW_S, limit)) === limit) this.sweptAt = 0;
  }
}
