/** Lets one waiter sleep until something has changed since it last looked. No call is lost, several are one. */
export class Wakeup {
  private pending = false;
  private resume: (() => void) | undefined;

  /** A property, so that it can be handed out as a listener. */
  readonly wake = (): void => {
    this.pending = true;
    this.resume?.();
  };

  /** @param atMostMs wakes by itself then */
  async wait(atMostMs?: number): Promise<void> {
    const alarm = atMostMs === undefined ? undefined : setTimeout(this.wake, atMostMs).unref();
    if (!this.pending) await new Promise<void>((resolve) => (this.resume = resolve));
    clearTimeout(alarm);
    this.pending = false;
    this.resume = undefined;
  }
}
