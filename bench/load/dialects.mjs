import { randomUUID } from 'node:crypto';

/** Turns are spread over so many users. */
const USERS = 100;
let turns = 0;

/**
 * How each kind of server is asked for a reply: every turn a conversation of its own.
 * @type {Record<string, (content: string) => string>}
 */
export const dialects = {
  plain: (content) => post('/chat', { content }),
  ui: (content) =>
    post('/chat', {
      id: randomUUID(),
      message: { id: randomUUID(), role: 'user', parts: [{ type: 'text', text: content }] },
    }),
  parley: (content) => post('/api/v1/chat', { content }, `X-User-ID: user-${turns++ % USERS}\r\n`),
};

/**
 * @param {string} path
 * @param {unknown} body
 */
export function post(path, body, headers = '') {
  const json = JSON.stringify(body);
  return (
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}Accept: text/event-stream\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`
  );
}

/** @param {string} path */
export function get(path, headers = '') {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}Accept: text/event-stream\r\n\r\n`;
}
