import type { BodyShare } from './body-memory';
import { bodyTooLarge } from './http-errors';

/** What is allocated at first: an announced length may lie. */
const FIRST_BYTES = 16 * 1024;

/** Bytes that come in pieces, in one piece: each is copied, and the buffer doubles, so that what is held is what has come, whatever the pieces. */
export class BodyBuffer {
  size = 0;
  private buffer = Buffer.alloc(0);

  constructor(
    private readonly limitBytes: number,
    private readonly share: BodyShare,
  ) {}

  get bytes(): Buffer {
    return this.buffer.subarray(0, this.size);
  }

  /** @throws {AppError} `body_too_large`, and those of `BodyShare.take` */
  append(piece: Buffer): void {
    const size = this.size + piece.length;
    if (size > this.limitBytes) throw bodyTooLarge(this.limitBytes);
    if (size > this.buffer.length) this.grow(size);
    piece.copy(this.buffer, this.size);
    this.size = size;
  }

  release(): void {
    this.share.give(this.buffer.length);
  }

  private grow(size: number): void {
    const capacity = Math.min(Math.max(size, 2 * this.buffer.length, FIRST_BYTES), this.limitBytes);
    this.share.take(capacity - this.buffer.length);
    const larger = Buffer.allocUnsafeSlow(capacity);
    this.buffer.copy(larger);
    this.buffer = larger;
  }
}
