import type { EventsListener } from '../log/reply-log';

/** A listener between whose batches something else may be told, at its pace and in order: what comes while it takes a batch follows that. */
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
