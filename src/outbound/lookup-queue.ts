import { OUTBOUND_BOUNDS } from '../config/bounds';

const { lookupsOfUser, lookups, waitingLookupsOfUser, waitingLookups, lookupWait } = OUTBOUND_BOUNDS;

/** Nothing was looked up, because too much is being looked up already. */
export class TooManyLookups extends Error {
  readonly code = 'TOO_MANY_LOOKUPS';

  constructor() {
    super('Too many names are being looked up.');
    this.name = 'TooManyLookups';
  }
}

interface Waiting {
  userId: string;
  begin: () => void;
}

/**
 * Lets few look-ups run at once, of one user and in all, and the rest wait for a while. Whoever has fewer running comes first,
 * so that a user with many cannot make another one wait for more than the look-up that ends next.
 */
export class LookupQueue {
  private readonly running = new Map<string, number>();
  private runningInAll = 0;
  /** In the order in which they came. */
  private readonly waiting = new Set<Waiting>();

  /** @throws {TooManyLookups} at once, or after having waited */
  async take<T>(userId: string, lookup: () => Promise<T>): Promise<T> {
    if (this.mayBegin(userId)) this.begin(userId);
    else await this.wait(userId);
    try {
      return await lookup();
    } finally {
      this.end(userId);
    }
  }

  private wait(userId: string): Promise<void> {
    const own = [...this.waiting].filter((other) => other.userId === userId).length;
    if (own >= waitingLookupsOfUser.limit || this.waiting.size >= waitingLookups.limit)
      throw new TooManyLookups();
    return new Promise((resolve, reject) => {
      const waiting = {
        userId,
        begin: () => {
          clearTimeout(timer);
          this.waiting.delete(waiting);
          this.begin(userId);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.waiting.delete(waiting);
        reject(new TooManyLookups());
      }, lookupWait.limit);
      this.waiting.add(waiting);
    });
  }

  private mayBegin(userId: string): boolean {
    return this.runningInAll < lookups.limit && this.runningOf(userId) < lookupsOfUser.limit;
  }

  private begin(userId: string): void {
    this.runningInAll += 1;
    this.running.set(userId, this.runningOf(userId) + 1);
  }

  /** One that ends makes room for one, so at most one begins. */
  private end(userId: string): void {
    this.runningInAll -= 1;
    const left = this.runningOf(userId) - 1;
    if (left > 0) this.running.set(userId, left);
    else this.running.delete(userId);
    this.next()?.begin();
  }

  private next(): Waiting | undefined {
    let next: Waiting | undefined;
    for (const waiting of this.waiting) {
      const isFirst = !next || this.runningOf(waiting.userId) < this.runningOf(next.userId);
      if (isFirst && this.mayBegin(waiting.userId)) next = waiting;
    }
    return next;
  }

  private runningOf(userId: string): number {
    return this.running.get(userId) ?? 0;
  }
}
