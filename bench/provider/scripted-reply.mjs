import { nowUs, stampOf } from '../support/clock.mjs';
import { closing, OPENING, stampedFrame, tokenFrames } from './frames.mjs';

/** Tokens that are written at once when they are not paced; see README.md. */
const BURST = Number(process.env.BENCH_BURST ?? 8);

/** A held reply goes on only when it is released. */
const HOLD_MS = 3_600_000;

/** Plays one script on a socket. */
export class ScriptedReply {
  sent = 0;
  #released = false;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  #due = 0;

  /**
   * @param {import('node:net').Socket} socket
   * @param {import('../support/script.mjs').Script} script
   * @param {(reply: ScriptedReply) => void} done
   */
  constructor(socket, script, done) {
    this.socket = socket;
    this.script = script;
    this.done = done;
    const paced = script.intervalUs > 0 || script.delayMs > 0;
    if (!paced) socket.cork();
    socket.write(OPENING);
    this.#due = performance.now() + script.delayMs;
    if (paced) this.#pause();
    else this.#flood();
    if (!paced) socket.uncork();
  }

  /** Ends a held reply, or one that nobody needs any more, with the tokens that were sent. */
  release() {
    this.#released = true;
    if (this.#timer) this.#step();
  }

  /** The reader is gone. */
  abandon() {
    clearTimeout(this.#timer);
    this.sent = this.script.tokens;
  }

  #pause() {
    this.#timer = setTimeout(() => this.#step(), Math.max(0, this.#due - performance.now()));
  }

  #step() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#released || this.sent === this.script.tokens) return this.#end();
    if (!this.script.intervalUs) return this.#flood();
    this.socket.write(stampedFrame(this.script.start + this.sent++, stampOf(nowUs())));
    this.#due += this.script.intervalUs / 1000;
    if (this.sent === this.script.tokens) return this.#end();
    if (this.sent === this.script.holdAfter) this.#due = performance.now() + HOLD_MS;
    this.#pause();
  }

  #flood() {
    const { tokens, start } = this.script;
    if (this.sent >= tokens) return this.#end();
    const count = Math.min(BURST, tokens - this.sent);
    const room = this.socket.write(tokenFrames(start + this.sent, count));
    this.sent += count;
    if (this.sent === tokens) this.#end();
    else if (room) setImmediate(() => this.#flood());
    else this.socket.once('drain', () => this.#flood());
  }

  #end() {
    this.socket.write(closing(this.sent));
    this.done(this);
  }
}
