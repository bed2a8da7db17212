/** Lets so many through at once, and so many a second in the long run. */
export class TokenBucket {
  private tokens: number;
  private filled: number;

  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.tokens = burst;
    this.filled = now();
  }

  /** Whether one more may pass. */
  take(): boolean {
    const now = this.now();
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.filled) / 1_000) * this.perSecond);
    this.filled = now;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}
