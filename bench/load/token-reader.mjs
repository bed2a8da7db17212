import { nowUs, sinceStamp } from '../support/clock.mjs';
import { SEQUENCES } from '../support/script.mjs';

const ZERO = 48;
const OPEN_BRACKET = 91;
const TILDE = '~';

/**
 * Reads one reply in any of the dialects: finds the numbered tokens in its events and checks that each comes once and in
 * order. An event is looked at only where it matters, so that a token costs well below a microsecond.
 */
export class TokenReader {
  received = 0;
  ended = false;
  #rest = '';
  #begun = nowUs();

  /**
   * @param {import('./measure.mjs').Measure} measure
   * @param {import('../support/script.mjs').Script} script what is expected
   */
  constructor(measure, script) {
    this.measure = measure;
    this.script = script;
  }

  /** @param {Buffer} bytes @param {number} from @param {number} to */
  push(bytes, from, to) {
    const text = this.#rest + bytes.latin1Slice(from, to);
    const us = nowUs();
    let at = 0;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n', at)) {
      this.#event(text, at, end, us);
      at = end + 2;
    }
    this.#rest = at === text.length ? '' : text.slice(at);
  }

  /** The response is over. @param {Error} [error] */
  end(error) {
    const { measure, received, script } = this;
    if (error || !this.ended) measure.fault('broken', 1, `${error?.message ?? 'no end'} after ${received}`);
    if (!script.holdAfter && received < script.tokens)
      measure.fault('lost', script.tokens - received, `${received} of ${script.tokens} at the end`);
    measure.turns++;
    measure.totalTurns++;
  }

  /** @param {string} text @param {number} from @param {number} to @param {number} us */
  #event(text, from, to, us) {
    const data = text.indexOf('data: ', from) + 6;
    if (data < 6 || data > to) return;
    if (text.charCodeAt(data) === OPEN_BRACKET || text.startsWith('{"type":"end"', data)) {
      this.ended = true;
      this.#checkFullText(text.slice(data, to));
    } else if (text.startsWith('{"type":"error"', data)) {
      this.measure.fault('broken', 1, text.slice(data, to));
    } else {
      for (let at = text.indexOf(TILDE, data); at >= 0 && at < to; at = text.indexOf(TILDE, at + 5))
        this.#token(text, at + 1, us);
    }
  }

  /** @param {string} text @param {number} at @param {number} us */
  #token(text, at, us) {
    const sequence = digits(text, at, at + 4);
    const { measure, script } = this;
    const expected = (script.start + this.received) % SEQUENCES;
    if (sequence !== expected) this.#misplaced(sequence, expected);
    if (this.received++ === 0) measure.firsts.push(us - this.#begun);
    measure.tokens++;
    measure.totalTokens++;
    if (script.intervalUs) measure.delays.push(sinceStamp(us, digits(text, at + 4, at + 13)));
  }

  /** @param {number} sequence @param {number} expected */
  #misplaced(sequence, expected) {
    const ahead = (sequence - expected + SEQUENCES) % SEQUENCES;
    const what = `${sequence} instead of ${expected}`;
    if (ahead < this.script.tokens) this.measure.fault('lost', ahead, what);
    else this.measure.fault(ahead === SEQUENCES - 1 ? 'doubled' : 'disordered', 1, what);
    this.received += ahead < this.script.tokens ? ahead : -1;
  }

  /** The service repeats the whole text at the end; it must be what it streamed. @param {string} data */
  #checkFullText(data) {
    if (data.charCodeAt(0) === OPEN_BRACKET) return;
    const tokens = data.split(TILDE).length - 1;
    if (tokens !== this.received)
      this.measure.fault('lost', 1, `full_text has ${tokens} of ${this.received}`);
  }
}

/** @param {string} text @param {number} from @param {number} to */
function digits(text, from, to) {
  let value = 0;
  for (let at = from; at < to; at++) value = value * 10 + text.charCodeAt(at) - ZERO;
  return value;
}
