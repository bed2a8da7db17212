import type { Response } from 'express';
import type { Socket } from 'node:net';
import { waitForDrain } from './wait-for-drain';
import type { BodyChunk } from './event-bytes';

const HEAD = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  // Whatever stands between must neither keep nor compress it.
  'Cache-Control': 'no-cache, no-store, no-transform',
  'X-Accel-Buffering': 'no',
};
const LAST_CHUNK = '0\r\n\r\n';

/**
 * The body of an answer with events. Its chunks come framed, and go to the connection itself once the head is on its way:
 * `ServerResponse` would frame them anew for every reader, hold each back until the end of the tick and write it in more pieces, and
 * writing is what a token costs most.
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
    setImmediate(() => this.begin());
  }

  /** The client takes less than it is given. */
  get full(): boolean {
    return this.destination.writableNeedDrain;
  }

  /** Whether there is room for more. */
  write({ framed, text, encoding }: BodyChunk): boolean {
    const { response } = this;
    if (response.destroyed || response.writableEnded) return true;
    const chunk = this.chunked ? framed : text;
    if (this.begun && response.socket) return response.socket.write(chunk, encoding);
    this.begun = true;
    return response.write(chunk, encoding);
  }

  /**
   * Until there is room for more, or nobody reads any more.
   * @throws {Error} if the client has taken nothing for too long
   */
  taken(): Promise<void> {
    return waitForDrain(this.destination);
  }

  end(): void {
    this.begun = true;
    if (this.chunked && !this.response.destroyed) this.response.end(LAST_CHUNK);
    else this.response.end();
  }

  /** An answer that waits for its turn on a connection has none yet, and keeps what it is given. */
  private get destination(): Response | Socket {
    return this.response.socket ?? this.response;
  }

  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.response.flushHeaders();
  }
}
