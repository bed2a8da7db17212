const SMALLEST = 256;
const EMPTY = Buffer.alloc(0);

/**
 * Bytes that come in pieces, in one buffer that doubles: what it costs goes by the number of bytes, however many pieces they
 * come in. A list of pieces would keep for each of them an object, and the whole network read that it was cut from.
 */
export class GrowingBuffer {
  private bytes: Buffer = EMPTY;
  private filled = 0;

  get length(): number {
    return this.filled;
  }

  /** What it takes up, in bytes. */
  get capacity(): number {
    return this.bytes.length;
  }

  /** A piece, or a part of it. */
  append(piece: Buffer, from = 0, to = piece.length): void {
    const length = this.filled + to - from;
    if (length > this.bytes.length) this.grow(length);
    piece.copy(this.bytes, this.filled, from, to);
    this.filled = length;
  }

  /** All that is in it, which is empty from then on. */
  take(): Buffer {
    const all = this.bytes.subarray(0, this.filled);
    this.bytes = EMPTY;
    this.filled = 0;
    return all;
  }

  /** The same as text. */
  takeText(): string {
    const text = this.bytes.toString('utf8', 0, this.filled);
    this.bytes = EMPTY;
    this.filled = 0;
    return text;
  }

  private grow(length: number): void {
    const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.bytes.length, SMALLEST));
    this.bytes.copy(grown, 0, 0, this.filled);
    this.bytes = grown;
  }
}
