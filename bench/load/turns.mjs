import { encodeScript, SEQUENCES } from '../support/script.mjs';
import { HttpConnection } from './http-connection.mjs';
import { TokenReader } from './token-reader.mjs';

/**
 * @typedef {object} Reply how the replies of a job shall be
 * @property {number} tokens
 * @property {number} [intervalUs]
 * @property {number} [delayMs]
 * @property {number} [holdAfter]
 */

/** Has turns with one server, over connections that are kept alive. */
export class Turns {
  /** @type {HttpConnection[]} */
  #idle = [];
  /** @type {Set<HttpConnection>} */
  #busy = new Set();
  /** @type {(() => void)[]} */
  #waiting = [];

  /**
   * @param {import('./measure.mjs').Measure} measure
   * @param {number} port
   */
  constructor(measure, port) {
    this.measure = measure;
    this.port = port;
  }

  get open() {
    return this.#busy.size;
  }

  /** @param {Reply} reply @returns {import('../support/script.mjs').Script} */
  script({ tokens, intervalUs = 0, delayMs = 0, holdAfter = 0 }) {
    return { tokens, start: Math.floor(Math.random() * SEQUENCES), intervalUs, delayMs, holdAfter };
  }

  /**
   * One turn.
   * @param {(content: string) => string} dialect
   * @param {Reply} reply
   * @param {() => void} [done]
   */
  say(dialect, reply, done) {
    const script = this.script(reply);
    this.read(dialect(encodeScript(script)), script, { done });
  }

  /**
   * Sends a request and reads the reply that is the answer.
   * @param {string} request
   * @param {import('../support/script.mjs').Script} script
   * @param {{ done?: () => void, peek?: (text: string) => void }} [hooks]
   */
  read(request, script, { done, peek } = {}) {
    const connection = this.#connection();
    const reader = new TokenReader(this.measure, script);
    connection.send(request, {
      head: (status, head) => {
        if (status !== 200) this.measure.fault('broken', 1, head.slice(0, 200));
      },
      data: (bytes, from, to) => {
        peek?.(bytes.latin1Slice(from, to));
        reader.push(bytes, from, to);
      },
      end: (error) => {
        reader.end(error);
        this.#free(connection);
        done?.();
      },
    });
  }

  /** When all turns have ended. @returns {Promise<void>} */
  async drained() {
    if (this.#busy.size > 0)
      await new Promise((/** @type {(value: void) => void} */ resolve) => this.#waiting.push(resolve));
  }

  close() {
    for (const connection of [...this.#idle, ...this.#busy]) connection.destroy();
  }

  #connection() {
    let connection = this.#idle.pop();
    while (connection?.closed) connection = this.#idle.pop();
    connection ??= new HttpConnection(this.port);
    this.#busy.add(connection);
    return connection;
  }

  /** @param {HttpConnection} connection */
  #free(connection) {
    this.#busy.delete(connection);
    if (!connection.closed) this.#idle.push(connection);
    if (this.#busy.size === 0) this.#waiting.splice(0).forEach((resolve) => setImmediate(resolve));
  }
}
