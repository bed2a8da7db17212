/** Sequence numbers of tokens have four digits and start anywhere, so that a token of another stream is noticed. */
export const SEQUENCES = 10_000;

/**
 * What a reply shall be like. It travels to the provider in the text that the user says.
 * @typedef {object} Script
 * @property {number} tokens
 * @property {number} start the first token's sequence number
 * @property {number} intervalUs between two tokens; 0: as fast as the socket takes them
 * @property {number} delayMs before the first token
 * @property {number} holdAfter tokens after which the stream stays open and silent until it is released; 0: never
 */

/** @param {Script} script */
export function encodeScript({ tokens, start, intervalUs, delayMs, holdAfter }) {
  return `Tell me something. bench:${tokens},${start},${intervalUs},${delayMs},${holdAfter};`;
}

/**
 * The script of the last user message in a request's body.
 * @param {string} body
 * @returns {Script}
 */
export function decodeScript(body) {
  const at = body.lastIndexOf('bench:');
  if (at < 0) throw new Error('A request without a script reached the provider.');
  const [tokens, start, intervalUs, delayMs, holdAfter] = body
    .slice(at + 6, body.indexOf(';', at))
    .split(',')
    .map(Number);
  return { tokens, start, intervalUs, delayMs, holdAfter };
}
