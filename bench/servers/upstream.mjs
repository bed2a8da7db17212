import { Agent, request } from 'node:http';

const agent = new Agent({ keepAlive: true });
const provider = new URL(`${process.env.OPENAI_BASE_URL}/chat/completions`);

/**
 * Asks the provider, with nothing but Node.
 * @param {string} body
 * @param {(response: import('node:http').IncomingMessage) => void} take
 */
export function ask(body, take) {
  const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  return request(provider, { agent, method: 'POST', headers }, take).end(body);
}

/** @param {string} content */
export function chatBody(content) {
  return JSON.stringify({ model: 'bench', stream: true, messages: [{ role: 'user', content }] });
}

/**
 * @param {import('node:http').IncomingMessage} incoming
 * @param {(body: string) => void} take
 */
export function readBody(incoming, take) {
  let body = '';
  incoming.setEncoding('utf8');
  incoming.on('data', (/** @type {string} */ text) => (body += text));
  incoming.on('end', () => take(body));
}

/** Splits a provider's stream into tokens, as plainly as one would write it. */
export class TokenSplitter {
  #rest = '';

  /** @param {string} text @returns {string[]} */
  push(text) {
    const frames = (this.#rest + text).split('\n\n');
    this.#rest = frames.pop() ?? '';
    const tokens = [];
    for (const frame of frames) {
      if (!frame.startsWith('data: {')) continue;
      const content = JSON.parse(frame.slice(6)).choices[0]?.delta?.content;
      if (content) tokens.push(content);
    }
    return tokens;
  }
}

export const SSE_HEAD = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' };

/** @param {string} content */
export function chunkEvent(content) {
  return `data: ${JSON.stringify({ type: 'chunk', data: { content } })}\n\n`;
}
