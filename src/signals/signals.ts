/** Called when a topic was published. `data`, if there is any, is a hint: what counts is what the database says. */
export type SignalListener = (data?: Uint8Array) => void;

/**
 * SEAM: wake-ups between all that waits for a change, in this process and, by implementations to come, in others. A signal may be lost, late or
 * doubled, and carries nothing that must not be lost: whoever hears one looks in the database. Topics are in `topics.ts`. Every
 * implementation passes `test/support/signals-contract.ts`.
 */
export abstract class Signals {
  /** To be called after the change is committed. Never throws, and is not awaited. */
  abstract publish(topic: string, data?: Uint8Array): void;

  /**
   * Calls the listener at each signal of the topic, outside of the publisher's request and transaction. A listener that throws keeps none from
   * the others. Returns a function that ends the subscription.
   */
  abstract subscribe(topic: string, on: SignalListener): () => void;
}
