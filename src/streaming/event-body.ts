import type { Response } from 'express';
import type { Socket } from 'node:net';
import { waitForDrain } from './wait-for-drain';
import type { BodyChunk } from './event-bytes';

const HEAD = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  // Proxies in between must neither store nor compress the stream.
  'Cache-Control': 'no-cache, no-store, no-transform',
  'X-Accel-Buffering': 'no',
};
const LAST_CHUNK = '0\r\n\r\n';

/**
 * Body of an SSE response. Its chunks arrive framed, and are written to the connection itself once the headers are sent:
 * `ServerResponse` would frame them anew for every reader, hold each back until the end of the tick and write it in more pieces, and
 * writing is the largest cost of a token. Called by `streamEvents`.
 */
export class EventBody {
  private readonly chunked: boolean;
  private headersSent = false;

  constructor(private readonly response: Response) {
    response.writeHead(200, HEAD);
    // False for HTTP/1.0, where the end of the connection is the end of the body.
    this.chunked = response.chunkedEncoding;
    response.chunkedEncoding = false;
    // Deferred: the headers go out with the first events if these are there already.
    setImmediate(() => this.sendHeaders());
  }

  /** Whether the client has yet to drain what was written. */
  get full(): boolean {
    return this.destination.writableNeedDrain;
  }

  /** Writes a chunk; returns whether there is room for more. */
  write({ framed, text, encoding }: BodyChunk): boolean {
    const { response } = this;
    if (response.destroyed || response.writableEnded) return true;
    const chunk = this.chunked ? framed : text;
    if (this.headersSent && response.socket) return response.socket.write(chunk, encoding);
    this.headersSent = true;
    return response.write(chunk, encoding);
  }

  /**
   * Settles when there is room for more, or the client has disconnected.
   * @throws {Error} if the client has drained nothing for too long
   */
  drained(): Promise<void> {
    return waitForDrain(this.destination);
  }

  end(): void {
    this.headersSent = true;
    if (this.chunked && !this.response.destroyed) this.response.end(LAST_CHUNK);
    else this.response.end();
  }

  /** The connection, or the response itself while that waits for its turn on the connection: it has no socket yet, and buffers all chunks. */
  private get destination(): Response | Socket {
    return this.response.socket ?? this.response;
  }

  private sendHeaders(): void {
    if (this.headersSent) return;
    this.headersSent = true;
    this.response.flushHeaders();
  }
}
