/** Lets one waiter sleep until something has changed since it last looked. No call is lost, several are one. */
export class Wakeup {
  private pending = false;
  private resume: (() => void) | undefined;

  /** A property, so that it can be handed out as a listener. */
  readonly wake = (): void => {
    this.pending = true;
    this.resume?.();
  };

  async wait(): Promise<void> {
    if (!this.pending) await new Promise<void>((resolve) => (this.resume = resolve));
    this.pending = false;
    this.resume = undefined;
  }
}
