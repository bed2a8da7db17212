// A relay with many readers: each event becomes one buffer, chunk framing included, which goes to all sockets as it is.
import { createServer } from 'node:http';
import { ask, chatBody, chunkEvent, readBody, SSE_HEAD, TokenSplitter } from './upstream.mjs';

/** @type {Map<string, { begun: Buffer[], readers: Set<import('node:http').ServerResponse> }>} */
const replies = new Map();
let last = 0;

createServer((incoming, response) => {
  const id = incoming.url?.split('/follow/')[1];
  if (id) follow(id, response);
  else if (incoming.method === 'GET') response.end();
  else readBody(incoming, (body) => begin(JSON.parse(body).content, response));
}).listen(process.env.PORT, '127.0.0.1');

/** @param {string} content @param {import('node:http').ServerResponse} response */
function begin(content, response) {
  const id = String(++last);
  const reply = {
    begun: [prepared(`data: {"type":"start","data":{"message_id":"${id}"}}\n\n`)],
    readers: new Set(),
  };
  replies.set(id, reply);
  follow(id, response);
  const splitter = new TokenSplitter();
  ask(chatBody(content), (stream) => {
    stream.setEncoding('utf8');
    stream.on('data', (/** @type {string} */ text) => {
      const events = splitter.push(text).map(chunkEvent).join('');
      if (events) send(reply, prepared(events));
    });
    stream.on('end', () => {
      send(reply, Buffer.concat([prepared('data: [DONE]\n\n'), Buffer.from('0\r\n\r\n')]));
      reply.readers.forEach((reader) => reader.socket?.destroySoon());
      replies.delete(id);
    });
  });
}

/** @param {string} id @param {import('node:http').ServerResponse} response */
function follow(id, response) {
  const reply = replies.get(id);
  if (!reply) {
    response.writeHead(404).end();
    return;
  }
  response
    .writeHead(200, { ...SSE_HEAD, Connection: 'close', 'Transfer-Encoding': 'chunked' })
    .flushHeaders();
  reply.begun.forEach((buffer) => response.socket?.write(buffer));
  reply.readers.add(response);
}

/** @param {{ begun: Buffer[], readers: Set<import('node:http').ServerResponse> }} reply @param {Buffer} buffer */
function send(reply, buffer) {
  reply.begun.push(buffer);
  for (const { socket } of reply.readers) socket?.write(buffer);
}

/** @param {string} text */
function prepared(text) {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
}
