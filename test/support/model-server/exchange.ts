import { once } from 'node:events';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTick, setTimeout as delay } from 'node:timers/promises';

/** The parts of a chat-completions body that tests look at; everything else is there too. */
export interface ChatBody {
  model: string;
  messages: { role: string; content: string }[];
  stream?: boolean;
  [field: string]: unknown;
}

/** A request that the model server has received. */
export interface RecordedRequest {
  method: string;
  /** Path with query. */
  url: string;
  headers: IncomingHttpHeaders;
  /** Parsed JSON; an empty object for a body that is none. */
  body: ChatBody;
  /** `performance.now()` at its arrival. */
  at: number;
  /** Resolves when the exchange is over: `completed` if our answer was sent to its end, `aborted` if the connection ended before. */
  closed: Promise<'completed' | 'aborted'>;
  isClosed: boolean;
}

/** What the server does with one request. Behaviours can be put one after the other: see `stream`. */
export type Behaviour = (exchange: Exchange) => void | Promise<void>;

/** Thrown inside a behaviour when the client has gone; ends the behaviour quietly. */
export class ClientGone extends Error {}

type ChunkFields = Record<string, unknown>;

/** One request and the means to answer it. */
export class Exchange {
  /** Rewrites each piece of the stream before it is sent. */
  rewrite: (text: string) => string = (text) => text;
  /** Sends at most so many bytes at a time. */
  pieceBytes = Infinity;
  /** Ends the exchange with `cut` after so many bytes of body. */
  bytesLeft = Infinity;
  cut: Behaviour = (exchange) => exchange.reset();
  private readonly created = Math.floor(Date.now() / 1000);

  constructor(
    readonly request: RecordedRequest,
    readonly response: ServerResponse,
  ) {}

  get socket(): Socket {
    return this.response.socket as Socket;
  }

  /** Sends the head of the answer, at once. */
  head(status = 200, headers: Record<string, string> = { 'content-type': 'text/event-stream' }): void {
    if (this.response.headersSent) return;
    this.response.writeHead(status, headers);
    this.response.flushHeaders();
  }

  /** Sends a piece of body. */
  async write(content: string | Uint8Array): Promise<void> {
    this.head();
    let bytes = typeof content === 'string' ? Buffer.from(this.rewrite(content)) : Buffer.from(content);
    const cut = bytes.length > this.bytesLeft;
    if (cut) bytes = bytes.subarray(0, this.bytesLeft);
    this.bytesLeft -= bytes.length;
    for (let at = 0; at < bytes.length; at += this.pieceBytes) {
      await this.send(bytes.subarray(at, at + this.pieceBytes));
    }
    if (!cut) return;
    await this.cut(this);
    throw new ClientGone();
  }

  /** Sends one event. */
  async data(payload: unknown): Promise<void> {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    await this.write(`data: ${text}\n\n`);
  }

  /** Sends one `chat.completion.chunk` with this delta. */
  async chunk(delta: ChunkFields, finishReason: string | null = null): Promise<void> {
    await this.envelope({ choices: [{ index: 0, delta, finish_reason: finishReason }] });
  }

  async envelope(fields: ChunkFields): Promise<void> {
    const { created } = this;
    const { model } = this.request.body;
    await this.data({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created, model, ...fields });
  }

  async sleep(ms: number): Promise<void> {
    await Promise.race([delay(ms), this.request.closed]);
    this.assertOpen();
  }

  /** Waits until the client gives up. */
  async hang(): Promise<void> {
    await this.request.closed;
    throw new ClientGone();
  }

  /** Ends the body as HTTP asks for. */
  end(): void {
    this.response.end();
  }

  /** Closes the connection with a FIN in the middle of the body. */
  drop(): void {
    this.socket.end();
  }

  /** Closes the connection with an RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  private async send(bytes: Buffer): Promise<void> {
    this.assertOpen();
    if (!this.response.write(bytes)) await Promise.race([once(this.response, 'drain'), this.request.closed]);
    // Otherwise Node puts the pieces together again.
    if (this.pieceBytes < Infinity) await nextTick();
  }

  private assertOpen(): void {
    if (this.request.isClosed || this.response.destroyed) throw new ClientGone();
  }
}
