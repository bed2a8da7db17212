/** Maximum bytes of a number below 2^32 in LEB128. */
const MAX_BYTES = 5;
const FIRST_CAPACITY = 64;

/** Length that stands for the event of an item: the event of a text is never empty. */
export const ITEM_LENGTH = 0;

/**
 * A number for each event of a reply between `start` and the terminal one, as LEB128: the length (UTF-16 units) of its text, one byte for most of
 * them, or `ITEM_LENGTH`. With the parts, these numbers give back each event of the log, so that the text need not be stored a second time: a
 * text-like part takes numbers until its text is used up, an item takes one. A missing number stands for the rest of its part.
 */
export class EventLengths {
  private buffer = new Uint8Array(FIRST_CAPACITY);
  private used = 0;
  private events = 0;

  add(length: number): void {
    if (this.used + MAX_BYTES > this.buffer.length) this.grow();
    let rest = length;
    for (; rest > 0x7f; rest >>>= 7) this.buffer[this.used++] = (rest & 0x7f) | 0x80;
    this.buffer[this.used++] = rest;
    this.events++;
  }

  get count(): number {
    return this.events;
  }

  /** Bytes of the numbers so far; later additions do not change them. */
  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.used);
  }

  private grow(): void {
    const larger = new Uint8Array(this.buffer.length * 2);
    larger.set(this.buffer);
    this.buffer = larger;
  }
}
