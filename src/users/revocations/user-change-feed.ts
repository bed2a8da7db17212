import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { STORAGE_BOUNDS } from '../../config/bounds';
import { DatabaseState } from '../../database/database-state';
import { TransactionRunner } from '../../database/transaction-runner';
import { RevocationsRepository } from './revocations.repository';
import { subjectOf } from './subject';

const POLL_MS = 400;
/** What was read longer ago may have been overtaken by a change that this process has not heard of. */
const FRESH_MS = 900;
/** Each look covers this much of the past, so that a slow transaction is not missed. */
const LOOK_BACK_S = 60;
const SWEEP_MS = 60_000;

/**
 * What was known of a user has changed: a role, a password, a session, a key, or that they exist. All processes hear of it
 * within half a second, drop what they remember, and look again.
 */
@Injectable()
export class UserChangeFeed implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(UserChangeFeed.name);
  private readonly subjects = new Subject<string | undefined>();
  private seen = new Set<string>();
  private lookedAt = -Infinity;
  private sweptAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(
    private readonly repository: RevocationsRepository,
    private readonly db: TransactionRunner,
    private readonly database: DatabaseState,
  ) {}

  /** `subjectOf` each user of whom something has changed; undefined if it may be anybody. */
  get changes(): Observable<string | undefined> {
    return this.subjects;
  }

  /** Whether what this process remembers is not older than it may be. */
  get current(): boolean {
    return this.database.exclusive || performance.now() - this.lookedAt < FRESH_MS;
  }

  /** Does the work in a transaction, and tells everybody once it is committed. */
  change<T>(userId: string, work: () => Promise<T>): Promise<T> {
    const subject = subjectOf(userId);
    return this.db.run(async () => {
      const done = await work();
      if (!this.database.exclusive) await this.repository.insert(subject);
      this.db.afterCommit(() => this.subjects.next(subject));
      return done;
    });
  }

  onApplicationBootstrap(): void {
    if (this.database.exclusive) return;
    void this.database.whenReady().then(() => this.poll());
  }

  onModuleDestroy(): void {
    this.ended = true;
    clearTimeout(this.timer);
  }

  private async poll(): Promise<void> {
    await this.look().catch((error: unknown) => {
      this.logger.warn({ err: error }, 'It is not known at the moment who was locked out');
    });
    if (!this.ended) this.timer = setTimeout(() => void this.poll(), POLL_MS).unref();
  }

  private async look(): Promise<void> {
    const started = performance.now();
    const rows = await this.repository.since(LOOK_BACK_S);
    // After so long a silence some may have come and gone unseen.
    if (started - this.lookedAt > (LOOK_BACK_S * 1000) / 2) this.subjects.next(undefined);
    const unseen = rows.filter(({ id }) => !this.seen.has(id));
    this.seen = new Set(rows.map(({ id }) => id));
    this.lookedAt = started;
    for (const { subject } of unseen) this.subjects.next(subject);
    if (started - this.sweptAt < SWEEP_MS) return;
    this.sweptAt = started;
    const { limit } = STORAGE_BOUNDS.expiredSlice;
    // As long as there is more, the next poll goes on.
    if ((await this.repository.deleteOlderThan(2 * LOOK_BACK_S, limit)) === limit) this.sweptAt = 0;
  }
}
