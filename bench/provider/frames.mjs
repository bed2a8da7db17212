import { SEQUENCES } from '../support/script.mjs';

/** Bytes of an ordinary frame of a real provider. */
const FRAME_BYTES = 330;
const STAMP_DIGITS = 9;

const HEAD =
  '{"id":"chatcmpl-CkX2vq8mT4sZc1nLr8eYw5hUaPdJ0","object":"chat.completion.chunk","created":1795243000,';
const MODEL =
  '"model":"bench-model-2026-08-01","service_tier":"default","system_fingerprint":"fp_9b3f51c7aa",';

/**
 * @param {string} delta
 * @param {string} finish
 */
function chunk(delta, finish = 'null') {
  const choice = `"choices":[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish}}]`;
  return `data: ${HEAD}${MODEL}${choice},"usage":null`;
}

/** @param {string} text */
function padded(text) {
  const rest = FRAME_BYTES - text.length - ',"obfuscation":""}\n\n'.length;
  return `${text},"obfuscation":"${'aB3xQ9zT'.repeat(20).slice(0, Math.max(0, rest))}"}\n\n`;
}

/** @param {string} payload one chunk of a chunked body, as real providers send for each token */
function chunked(payload) {
  return `${payload.length.toString(16)}\r\n${payload}\r\n`;
}

/** @param {number} sequence @param {string} stamp */
function tokenFrame(sequence, stamp = '') {
  return chunked(padded(chunk(`{"content":" ~${String(sequence).padStart(4, '0')}${stamp}"}`)));
}

/** What comes before the first token. */
export const OPENING = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n' +
    'Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n' +
    chunked(padded(chunk('{"role":"assistant","content":"","refusal":null}'))),
);

/**
 * What comes after the last token.
 * @param {number} tokens
 */
export function closing(tokens) {
  const usage = `"usage":{"prompt_tokens":20,"completion_tokens":${tokens},"total_tokens":${tokens + 20}}`;
  return Buffer.from(
    chunked(padded(chunk('{}', '"stop"'))) +
      chunked(`data: ${HEAD}${MODEL}"choices":[],${usage}}\n\n`) +
      chunked('data: [DONE]\n\n') +
      '0\r\n\r\n',
  );
}

const frameLength = tokenFrame(0).length;
// Twice, so that a run of tokens that passes the last number is one slice as well.
const ring = Buffer.from(Array.from({ length: 2 * SEQUENCES }, (_, i) => tokenFrame(i % SEQUENCES)).join(''));

/**
 * Consecutive tokens, without a copy.
 * @param {number} sequence of the first
 * @param {number} count
 */
export function tokenFrames(sequence, count) {
  const from = sequence % SEQUENCES;
  return ring.subarray(from * frameLength, (from + count) * frameLength);
}

const stamped = Buffer.from(tokenFrame(0, '0'.repeat(STAMP_DIGITS)));
const digitsAt = stamped.indexOf('~') + 1;

/**
 * One token that says when it was sent.
 * @param {number} sequence
 * @param {number} stamp
 */
export function stampedFrame(sequence, stamp) {
  const frame = Buffer.from(stamped);
  writeDigits(frame, digitsAt, sequence % SEQUENCES, 4);
  writeDigits(frame, digitsAt + 4, stamp, STAMP_DIGITS);
  return frame;
}

/** @param {Buffer} frame @param {number} at @param {number} value @param {number} digits */
function writeDigits(frame, at, value, digits) {
  for (let i = at + digits - 1; i >= at; i--) {
    frame[i] = 48 + (value % 10);
    value = Math.floor(value / 10);
  }
}
