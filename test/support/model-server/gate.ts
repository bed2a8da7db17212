/**
 * A point in a reply at which the model server waits until the test lets it go on.
 *
 *     const gate = hold();
 *     server.script(reply(['Hel', gate, 'lo']));
 *     …
 *     await gate.reached;   // 'Hel' has been sent
 *     gate.release();       // now 'lo'
 */
export class Gate {
  private readonly arrival = Promise.withResolvers<void>();
  private readonly opening = Promise.withResolvers<void>();

  /** Resolves when the server has come to the gate. */
  get reached(): Promise<void> {
    return this.arrival.promise;
  }

  release(): void {
    this.opening.resolve();
  }

  /** For the server. */
  async pass(): Promise<void> {
    this.arrival.resolve();
    await this.opening.promise;
  }
}

export function hold(): Gate {
  return new Gate();
}
