/** Called when a topic was published. `data`, if there is any, is a hint: the database has the actual state. */
export type SignalListener = (data?: Uint8Array) => void;

/**
 * SEAM: wake-ups for code that waits for a change, in this process and, by implementations to come, in others. A signal may be lost, late or
 * doubled, and carries nothing that must not be lost: a listener reads the database. Topics are in `topics.ts`. Every
 * implementation passes `test/support/signals-contract.ts`.
 */
export abstract class Signals {
  /** Publishes a topic, after the change is committed. Never throws, and is not awaited. */
  abstract publish(topic: string, data?: Uint8Array): void;

  /**
   * Calls the listener at each signal of the topic, outside of the publisher's request and transaction. A listener that throws does
   * not affect others. Returns a function that ends the subscription.
   */
  abstract subscribe(topic: string, on: SignalListener): () => void;
}
