const FIRST_CHUNK_BYTES = 256;
const CHUNK_BYTES = 4_096;

/**
 * A text that grows by small pieces and is held as UTF-8, outside the heap and with little spare capacity. A surrogate without its
 * other half becomes U+FFFD. Called by `RecoveredEvents`.
 */
export class Utf8Text {
  private readonly full: Buffer[] = [];
  private last = Buffer.allocUnsafeSlow(FIRST_CHUNK_BYTES);
  private used = 0;
  /** High surrogate at the end of the text, whose low surrogate may come next. */
  private highSurrogate = '';

  addBytes(utf8: Buffer, from: number, to: number): void {
    // UTF-8 never starts with the other half of a surrogate pair.
    if (from < to) this.flushSurrogate();
    this.append(utf8, from, to);
  }

  /** Returns the number of bytes that were added. */
  add(text: string): number {
    const whole = this.highSurrogate + text;
    this.highSurrogate = /[\ud800-\udbff]$/.test(whole) ? whole.slice(-1) : '';
    const utf8 = Buffer.from(this.highSurrogate ? whole.slice(0, -1) : whole);
    this.append(utf8, 0, utf8.length);
    return utf8.length;
  }

  toString(): string {
    this.flushSurrogate();
    return Buffer.concat([...this.full, this.last.subarray(0, this.used)]).toString();
  }

  private flushSurrogate(): void {
    const utf8 = Buffer.from(this.highSurrogate);
    this.highSurrogate = '';
    this.append(utf8, 0, utf8.length);
  }

  private append(utf8: Buffer, from: number, to: number): void {
    // Pieces are a few bytes, for which a call of `copy` takes longer than a loop.
    for (let offset = from; offset < to; offset++) {
      if (this.used === this.last.length) this.nextChunk();
      this.last[this.used++] = utf8[offset];
    }
  }

  private nextChunk(): void {
    this.full.push(this.last);
    this.last = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.used = 0;
  }
}
