// The least that speaks events of its own: parses the provider's stream, writes ours, one write for what came together.
import { createServer } from 'node:http';
import { ask, chatBody, chunkEvent, readBody, SSE_HEAD, TokenSplitter } from './upstream.mjs';

createServer((incoming, response) => {
  if (incoming.method === 'GET') response.end();
  else
    readBody(incoming, (body) => {
      ask(chatBody(JSON.parse(body).content), (reply) => {
        const splitter = new TokenSplitter();
        response.writeHead(200, SSE_HEAD);
        reply.setEncoding('utf8');
        reply.on('data', (/** @type {string} */ text) => {
          const events = splitter.push(text).map(chunkEvent).join('');
          if (events && !response.write(events)) {
            reply.pause();
            response.once('drain', () => reply.resume());
          }
        });
        reply.on('end', () => response.end('data: [DONE]\n\n'));
      });
    });
}).listen(process.env.PORT, '127.0.0.1');
