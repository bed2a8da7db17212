import { REPLY_BOUNDS } from '../../config/bounds';

/** A reply that waits for a slot, and since when (ms since 1970). */
export interface WaitingReply {
  userId: string;
  since: number;
}

/** What is known of a user when it is decided whose reply comes next. */
export interface Standing {
  user_id: string;
  /** Slots that replies of the user hold. */
  running: number;
  /** The higher, the later the user was given one last; 0: never, or too long ago. */
  served: number;
}

/** A running reply that waits in this process. */
type Waiter = WaitingReply & { admit: () => void };

/**
 * The slots of one model in this process: at most `limit` replies hold one. Stored replies wait in the database, and `TurnQueue` begins
 * them; running ones that fall back to the model wait here. Both come in the same order: the user with the fewest running replies
 * first, then who was given a slot longest ago, then the oldest reply. `SlotQueueRepository` has that order in SQL.
 */
export class SlotPool {
  /** Slots that are held, by user; a user without any has no entry. */
  private readonly running = new Map<string, number>();
  /** Which slot of all that were given each user was given last, in this order. */
  private readonly served = new Map<string, number>();
  private readonly waiters = new Set<Waiter>();
  private used = 0;
  private given = 0;
  private stored = false;

  /** @param onFree called when a slot is free and stored replies wait */
  constructor(
    private readonly limit: number,
    private readonly onFree: () => void,
  ) {}

  get free(): number {
    return this.limit - this.used;
  }

  /** Whether stored replies wait, as far as this process knows. */
  get awaited(): boolean {
    return this.stored;
  }

  /** Every user of whom something is known. */
  get standings(): Standing[] {
    return [...new Set([...this.served.keys(), ...this.running.keys()])].map((id) => this.standingOf(id));
  }

  /** For a turn that begins; false if no slot is free or others wait already. */
  take(userId: string): boolean {
    if (!this.free || this.stored || this.waiters.size) return false;
    this.give(userId);
    return true;
  }

  /** From now on, until `settle`: stored replies wait, and nothing goes ahead of them. */
  await(): void {
    this.stored = true;
  }

  /** No stored reply waits any more. */
  settle(): void {
    this.stored = false;
    this.admitWaiters(undefined);
  }

  /** For the stored reply that comes next; false if no slot is left once the running replies that come before it have theirs. */
  takeNext(next: WaitingReply): boolean {
    this.admitWaiters(next);
    if (!this.free) return false;
    this.give(next.userId);
    return true;
  }

  /** For a running reply. @throws the signal's reason if it aborts before there is a slot */
  async wait(userId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.take(userId)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { userId, since: Date.now(), admit: resolve };
    const onAbort = (): void => {
      if (this.waiters.delete(waiter)) reject(signal.reason as Error);
    };
    this.waiters.add(waiter);
    signal.addEventListener('abort', onAbort);
    this.handOn();
    await promise.finally(() => signal.removeEventListener('abort', onAbort));
  }

  release(userId: string): void {
    const running = (this.running.get(userId) ?? 0) - 1;
    if (running > 0) this.running.set(userId, running);
    else this.running.delete(userId);
    this.used--;
    this.handOn();
  }

  private handOn(): void {
    if (!this.free) return;
    // `takeNext` or `settle` follows, which admit those who wait here.
    if (this.stored) this.onFree();
    else this.admitWaiters(undefined);
  }

  /** Admits those that come before a stored reply, or all, as long as a slot is free. */
  private admitWaiters(next: WaitingReply | undefined): void {
    while (this.free && this.waiters.size) {
      const first = [...this.waiters].reduce((one, other) => (this.isBefore(other, one) ? other : one));
      if (next && !this.isBefore(first, next)) return;
      this.waiters.delete(first);
      this.give(first.userId);
      first.admit();
    }
  }

  private isBefore(one: WaitingReply, other: WaitingReply): boolean {
    const [a, b] = [one, other].map(({ userId }) => this.standingOf(userId));
    return (a.running - b.running || a.served - b.served || one.since - other.since) < 0;
  }

  private standingOf(userId: string): Standing {
    const running = this.running.get(userId) ?? 0;
    return { user_id: userId, running, served: this.served.get(userId) ?? 0 };
  }

  private give(userId: string): void {
    this.used++;
    this.running.set(userId, (this.running.get(userId) ?? 0) + 1);
    this.served.delete(userId);
    this.served.set(userId, ++this.given);
    if (this.served.size <= REPLY_BOUNDS.servedUsers.limit) return;
    const [longestAgo] = this.served.keys();
    this.served.delete(longestAgo);
  }
}
