const FIRST_CHUNK_BYTES = 256;
const CHUNK_BYTES = 4_096;

/**
 * A text that grows by small pieces and is held as UTF-8, outside of the heap and with little room for more than it has. A surrogate
 * without its other half becomes U+FFFD.
 */
export class Utf8Text {
  private readonly full: Buffer[] = [];
  private last = Buffer.allocUnsafeSlow(FIRST_CHUNK_BYTES);
  private used = 0;
  /** Half of a character, whose other half may come next. */
  private half = '';

  addBytes(utf8: Buffer, from: number, to: number): void {
    // No UTF-8 begins with the other half.
    if (from < to) this.endHalf();
    this.append(utf8, from, to);
  }

  /** Answers the bytes that it takes. */
  add(text: string): number {
    const whole = this.half + text;
    this.half = /[\ud800-\udbff]$/.test(whole) ? whole.slice(-1) : '';
    const utf8 = Buffer.from(this.half ? whole.slice(0, -1) : whole);
    this.append(utf8, 0, utf8.length);
    return utf8.length;
  }

  toString(): string {
    this.endHalf();
    return Buffer.concat([...this.full, this.last.subarray(0, this.used)]).toString();
  }

  private endHalf(): void {
    const utf8 = Buffer.from(this.half);
    this.half = '';
    this.append(utf8, 0, utf8.length);
  }

  private append(utf8: Buffer, from: number, to: number): void {
    // Pieces are a few bytes, for which a call of `copy` takes longer.
    for (let place = from; place < to; place++) {
      if (this.used === this.last.length) this.nextChunk();
      this.last[this.used++] = utf8[place];
    }
  }

  private nextChunk(): void {
    this.full.push(this.last);
    this.last = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.used = 0;
  }
}
