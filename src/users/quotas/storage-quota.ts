import { Injectable } from '@nestjs/common';
import { AppConfig } from '../../config/app-config';
import { storageFull } from './quota-exceeded';
import { UserLock } from './user-lock';

/** Counts the bytes of a user's texts that a feature keeps, as the database stores them. */
export type StoredBytes = (userId: string) => Promise<number>;

/** Quota of stored bytes per user. It has no counter of its own: stored bytes are summed, so that deleted ones are free again. */
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

  /** Adds the count of a feature. */
  count(bytes: StoredBytes): void {
    this.counts.push(bytes);
  }

  /**
   * Stores data, unless that exceeds the quota. Bytes are counted after the data is stored, and it is rolled back if they are too many, so that
   * its size need not be known beforehand. Without a quota nothing is counted.
   * @throws {AppError} `quota_exceeded`, and whatever `store` throws
   */
  within<T>(userId: string, store: () => Promise<T>): Promise<T> {
    if (!this.isLimited) return store();
    // The user's lock is taken before all others: in any other order two transactions could deadlock.
    return this.lock.hold(userId, async () => {
      const stored = await store();
      await this.assert(userId);
      return stored;
    });
  }

  /** Checks the quota, inside a transaction that holds the user's lock. */
  async assert(userId: string): Promise<void> {
    if (!this.isLimited) return;
    let bytes = 0;
    for (const count of this.counts) bytes += await count(userId);
    if (bytes > this.limit) throw storageFull();
  }
}
