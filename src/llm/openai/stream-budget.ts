import { PROVIDER_BOUNDS } from '../../config/bounds';
import { LlmError } from '../llm-error';
import type { HeldBytes, HeldShare } from './held-bytes';

const { bytesOfEvent, bytesOfStream, idleLines, idleLinesPerMinute, replyCharacters } = PROVIDER_BOUNDS;
const MINUTE_MS = 60_000;

export interface StreamLimits {
  /** Of one event, or of a reply that is no stream. */
  eventBytes: number;
  streamBytes: number;
}

/** They grow with what a reply may have, and do not shrink with it: what is around the text stays as long as it is. */
export function streamLimits(maxReplyChars: number): StreamLimits {
  const scale = Math.max(1, maxReplyChars / replyCharacters.limit);
  return { eventBytes: bytesOfEvent.limit * scale, streamBytes: bytesOfStream.limit * scale };
}

/** What one stream may still cost, whatever is in it. Its methods throw `provider_invalid_response` beyond that. */
export class StreamBudget {
  /** The most that one event may have. */
  readonly eventBytes: number;
  private readonly share: HeldShare;
  private bytesLeft: number;
  private linesLeft: number = idleLines.limit;
  private countedAt = performance.now();

  constructor({ eventBytes, streamBytes }: StreamLimits, held: HeldBytes) {
    this.eventBytes = eventBytes;
    this.bytesLeft = streamBytes;
    this.share = held.share();
  }

  /** Bytes that have come. */
  spend(bytes: number): void {
    this.bytesLeft -= bytes;
    if (this.bytesLeft < 0) throw beyond('stream_too_long');
  }

  /** Lines that have brought nothing. A provider that lets wait may send them for hours, but not many at once. */
  skip(lines: number): void {
    this.linesLeft -= lines;
    if (this.linesLeft < 0) this.refill();
    if (this.linesLeft < 0) throw beyond('too_many_idle_lines');
  }

  /** What is held of it now. Another try may find room. */
  hold(bytes: number): void {
    if (!this.share.hold(bytes)) throw beyond('too_much_held', true);
  }

  /** The stream has ended. */
  release(): void {
    this.share.release();
  }

  private refill(): void {
    const now = performance.now();
    const since = (now - this.countedAt) * (idleLinesPerMinute.limit / MINUTE_MS);
    this.countedAt = now;
    this.linesLeft += Math.min(since, idleLines.limit);
  }
}

/** More would come again. */
export function beyond(reason: string, retryable = false): LlmError {
  return new LlmError('provider_invalid_response', { retryable, detail: { reason } });
}
