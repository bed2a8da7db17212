import type { EventsListener } from '../log/reply-log';

/** Lets several sources send to one listener, in order and at its pace: a batch that comes while it takes another one follows that. */
export class InterleavedListener {
  private taking: Promise<void> | undefined;

  constructor(private readonly listener: EventsListener) {}

  /** A property, so that it can be passed as a listener. */
  readonly accept: EventsListener = (batch) => {
    const taken = this.taking ? this.taking.then(() => this.listener(batch)) : this.listener(batch);
    if (taken) this.track(taken);
    return taken;
  };

  private track(taking: Promise<void>): void {
    this.taking = taking;
    void taking
      .catch(() => undefined)
      .finally(() => {
        if (this.taking === taking) this.taking = undefined;
      });
  }
}
