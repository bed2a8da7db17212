import { Injectable } from '@nestjs/common';
import { AppConfig } from '../../config/app-config';
import { storageFull } from './quota-exceeded';
import { UserLock } from './user-lock';

/** How many bytes of a user's texts a feature keeps, as the database stores them. */
export type StoredBytes = (userId: string) => Promise<number>;

/** How much a user may store. Nothing is kept of it: what is there is counted, so that whatever is deleted is free again. */
@Injectable()
export class StorageQuota {
  private readonly limit: number;
  private readonly counts: StoredBytes[] = [];

  constructor(
    config: AppConfig,
    private readonly lock: UserLock,
  ) {
    this.limit = config.quotas.storedBytes;
  }

  get isLimited(): boolean {
    return this.limit > 0;
  }

  /** Each feature adds what it has. */
  count(bytes: StoredBytes): void {
    this.counts.push(bytes);
  }

  /**
   * Stores something, unless the user then had too much. It is counted after it is stored and taken back if it is too much, so that nobody
   * has to know beforehand how large it becomes. Without a quota nothing is counted.
   * @throws {AppError} `quota_exceeded`, and whatever `store` throws
   */
  within<T>(userId: string, store: () => Promise<T>): Promise<T> {
    if (!this.isLimited) return store();
    // First of all locks: whoever held another and waited for this one could be waited for in turn.
    return this.lock.hold(userId, async () => {
      const stored = await store();
      await this.assert(userId);
      return stored;
    });
  }

  /** Inside a transaction that holds the user's lock. */
  async assert(userId: string): Promise<void> {
    if (!this.isLimited) return;
    let bytes = 0;
    for (const count of this.counts) bytes += await count(userId);
    if (bytes > this.limit) throw storageFull();
  }
}
