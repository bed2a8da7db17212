import { connect } from 'node:net';

/**
 * Who takes a response.
 * @typedef {object} ResponseSink
 * @property {(status: number, head: string) => void} head
 * @property {(bytes: Buffer, from: number, to: number) => void} data a part of the body
 * @property {(error?: Error) => void} end
 */

const NEW_LINE = 10;

/** One HTTP/1.1 connection, kept alive, one request at a time. It does only what this benchmark needs, so it costs little. */
export class HttpConnection {
  /** @type {ResponseSink | undefined} */
  #sink;
  /** @type {'head' | 'size' | 'chunk' | 'chunkEnd' | 'length' | 'close'} */
  #state = 'head';
  #text = '';
  /** Bytes that are left of the chunk or of the body. */
  #left = 0;
  #last = false;

  /** @param {number} port */
  constructor(port) {
    this.closed = false;
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (bytes) => this.#take(bytes));
    this.socket.on('error', (error) => this.#finish(error));
    this.socket.on('close', () => {
      this.closed = true;
      this.#finish(this.#state === 'close' ? undefined : new Error('The connection was closed'));
    });
  }

  /**
   * @param {string | Buffer} request
   * @param {ResponseSink} sink
   */
  send(request, sink) {
    this.#sink = sink;
    this.#state = 'head';
    this.#text = '';
    this.socket.write(request);
  }

  destroy() {
    this.#sink = undefined;
    this.socket.destroy();
  }

  /** @param {Error} [error] */
  #finish(error) {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.end(error);
  }

  /** @param {Buffer} bytes */
  #take(bytes) {
    let at = this.#state === 'head' ? this.#takeHead(bytes) : 0;
    while (at < bytes.length && this.#sink) {
      if (this.#state === 'chunk' || this.#state === 'length') at = this.#takeBody(bytes, at);
      else if (this.#state === 'close') at = this.#takeAll(bytes, at);
      else at = this.#takeLine(bytes, at);
    }
  }

  /** @param {Buffer} bytes @returns {number} where the body begins */
  #takeHead(bytes) {
    const before = this.#text.length;
    this.#text += bytes.latin1Slice();
    const end = this.#text.indexOf('\r\n\r\n');
    if (end < 0) return bytes.length;
    const head = this.#text.slice(0, end).toLowerCase();
    this.#text = '';
    this.#last = false;
    this.#sink?.head(Number(head.slice(9, 12)), head);
    const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
    this.#left = Number(length ?? 0);
    if (head.includes('\r\ntransfer-encoding: chunked')) this.#state = 'size';
    else this.#state = length === undefined ? 'close' : 'length';
    if (this.#state === 'length' && this.#left === 0) this.#finish();
    return end + 4 - before;
  }

  /** @param {Buffer} bytes @param {number} at */
  #takeBody(bytes, at) {
    const to = Math.min(bytes.length, at + this.#left);
    this.#left -= to - at;
    const whole = this.#left === 0;
    if (whole && this.#state === 'chunk') this.#state = 'chunkEnd';
    this.#sink?.data(bytes, at, to);
    if (whole && this.#state === 'length') this.#finish();
    return to;
  }

  /** @param {Buffer} bytes @param {number} at */
  #takeAll(bytes, at) {
    this.#sink?.data(bytes, at, bytes.length);
    return bytes.length;
  }

  /** The line with a chunk's size, or the one behind a chunk. @param {Buffer} bytes @param {number} at */
  #takeLine(bytes, at) {
    const end = bytes.indexOf(NEW_LINE, at);
    if (end < 0) {
      this.#text += bytes.latin1Slice(at);
      return bytes.length;
    }
    const line = this.#text + bytes.latin1Slice(at, end);
    this.#text = '';
    if (this.#state === 'chunkEnd') {
      this.#state = 'size';
      if (this.#last) this.#finish();
    } else {
      this.#left = Number.parseInt(line, 16);
      this.#last = this.#left === 0;
      this.#state = this.#last ? 'chunkEnd' : 'chunk';
    }
    return end + 1;
  }
}
