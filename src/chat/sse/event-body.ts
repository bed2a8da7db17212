import type { Response } from 'express';
import type { BodyChunk } from './event-bytes';

const HEAD = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  // Whatever stands between must neither keep nor compress it.
  'Cache-Control': 'no-cache, no-store, no-transform',
  'X-Accel-Buffering': 'no',
};
const LAST_CHUNK = '0\r\n\r\n';

/**
 * The body of an answer with events. Its chunks come framed: `ServerResponse` would frame them anew for every reader, in three
 * more pieces, and writing is what a token costs most.
 */
export class EventBody {
  private readonly chunked: boolean;
  private begun = false;

  constructor(private readonly response: Response) {
    response.writeHead(200, HEAD);
    // False for HTTP/1.0, where the end of the connection is the end of the body.
    this.chunked = response.chunkedEncoding;
    response.chunkedEncoding = false;
    // The head goes with the first events where they are there already.
    setImmediate(() => this.begun || this.response.flushHeaders());
  }

  /** The client takes less than it is given. */
  get full(): boolean {
    return this.response.writableNeedDrain;
  }

  /** Whether there is room for more. */
  write(chunk: BodyChunk): boolean {
    if (this.response.destroyed || this.response.writableEnded) return true;
    this.begun = true;
    return this.response.write(this.chunked ? chunk.framed : chunk.text);
  }

  end(): void {
    this.begun = true;
    if (this.chunked && !this.response.destroyed) this.response.end(LAST_CHUNK);
    else this.response.end();
  }
}
