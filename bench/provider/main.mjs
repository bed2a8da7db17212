// An OpenAI-compatible provider that plays scripts and costs almost nothing: no HTTP library, frames built beforehand.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { serve } from '../support/rpc.mjs';
import { decodeScript } from '../support/script.mjs';
import { ScriptedReply } from './scripted-reply.mjs';

/** @type {Set<ScriptedReply>} */
const open = new Set();
let tokens = 0;

const server = createServer({ noDelay: true }, (socket) => {
  let received = '';
  /** @type {ScriptedReply | undefined} */
  let reply;
  socket.on('error', () => undefined);
  socket.on('close', () => {
    if (!reply) return;
    reply.abandon();
    open.delete(reply);
  });
  socket.on('data', (bytes) => {
    received += bytes.latin1Slice();
    const body = completeBody(received);
    if (body === undefined) return;
    received = '';
    reply = undefined;
    const begun = new ScriptedReply(socket, decodeScript(body), (ended) => {
      tokens += ended.sent;
      open.delete(ended);
      if (reply === ended) reply = undefined;
    });
    if (begun.sent === begun.script.tokens) return;
    reply = begun;
    open.add(begun);
  });
});

/**
 * @param {string} received
 * @returns {string | undefined} undefined until all of it is there
 */
function completeBody(received) {
  const head = received.indexOf('\r\n\r\n');
  if (head < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(received.slice(0, head))?.[1];
  if (!length) throw new Error(`A request without Content-Length: ${received.slice(0, head)}`);
  return received.length >= head + 4 + Number(length) ? received.slice(head + 4) : undefined;
}

server.listen(0, '127.0.0.1');
await once(server, 'listening');

serve({
  port: () => /** @type {import('node:net').AddressInfo} */ (server.address()).port,
  open: () => open.size,
  /** Tokens of the replies that have ended. */
  tokens: () => tokens,
  release: () => [...open].forEach((reply) => reply.release()),
});
