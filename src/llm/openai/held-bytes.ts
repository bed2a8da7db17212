import { PROVIDER_BOUNDS } from '../../config/bounds';

const { heldByAll, heldUnasked } = PROVIDER_BOUNDS;

/**
 * What the process holds of all providers' answers that it cannot hand on yet: events, lines and bodies without an end.
 * Bounds on one stream do not bound their sum, as anybody may begin many of them.
 */
export class HeldBytes {
  private sum = 0;

  constructor(private readonly limit: number = heldByAll.limit) {}

  get total(): number {
    return this.sum;
  }

  /** For one answer. */
  share(): HeldShare {
    return new HeldShare(this);
  }

  /** For a share: whether there is room after it has changed. */
  add(bytes: number): boolean {
    this.sum += bytes;
    return this.sum <= this.limit;
  }
}

/** The part of one answer, to be released when it ends. */
export class HeldShare {
  private bytes = 0;

  constructor(private readonly all: HeldBytes) {}

  /**
   * Says how much is held now. False if it has grown and there is no room: then it is this answer that has to end, because it
   * is the one that wants more. What is small is always granted, so that ordinary answers do not depend on the others.
   */
  hold(bytes: number): boolean {
    if (bytes === this.bytes) return true;
    const grown = bytes - this.bytes;
    this.bytes = bytes;
    const fits = this.all.add(grown);
    return fits || grown < 0 || bytes <= heldUnasked.limit;
  }

  release(): void {
    this.hold(0);
  }
}
