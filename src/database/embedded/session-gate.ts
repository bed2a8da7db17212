/** Lets one client in at a time, in the order in which they came. */
export class SessionGate {
  private tail: Promise<void> = Promise.resolve();

  /** Resolves when it is the caller's turn, with a function that ends the turn. An aborted caller gives its turn up. */
  async enter(signal: AbortSignal): Promise<() => void> {
    const before = this.tail;
    const turn = Promise.withResolvers<void>();
    this.tail = turn.promise;
    await before;
    if (!signal.aborted) return turn.resolve;
    turn.resolve();
    throw new Error('The client went away while it waited for the embedded database.');
  }
}
