import type { SlotPool, WaitingReply } from './slot-pool';

/** What one reply holds: at most one slot at a time, of the model that it calls. Whoever ends the reply releases it. */
export class ReplySlot {
  private held: SlotPool | undefined;

  constructor(
    private readonly poolOf: (modelId: string) => SlotPool | undefined,
    private readonly userId: string,
  ) {}

  /** For a turn that begins: false if it has to wait. True for a model without a limit. */
  take(modelId: string): boolean {
    const pool = this.poolOf(modelId);
    return !pool || this.hold(pool, pool.take(this.userId));
  }

  /** For a stored reply that comes next. */
  takeNext(pool: SlotPool, next: WaitingReply): boolean {
    return this.hold(pool, pool.takeNext(next));
  }

  /**
   * For a call of a model with a limit, unless its slot is held already: in place of one of another model, without which a model that
   * falls back to this one could wait for it for ever.
   * @param waits whether to wait until there is one
   * @returns false if there is none, and it is not waited for
   * @throws the signal's reason if it aborts before
   */
  async enter(modelId: string, waits: boolean, signal: AbortSignal): Promise<boolean> {
    const pool = this.poolOf(modelId);
    if (!pool || pool === this.held) return true;
    this.release();
    if (!waits) return this.hold(pool, pool.take(this.userId));
    await pool.wait(this.userId, signal);
    return this.hold(pool, true);
  }

  /** Does nothing if none is held. */
  release(): void {
    const pool = this.held;
    this.held = undefined;
    pool?.release(this.userId);
  }

  private hold(pool: SlotPool, isGiven: boolean): boolean {
    if (isGiven) this.held = pool;
    return isGiven;
  }
}
