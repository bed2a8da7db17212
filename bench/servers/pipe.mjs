// The floor: copies the provider's bytes and does nothing else.
import { createServer } from 'node:http';
import { ask, chatBody, readBody, SSE_HEAD } from './upstream.mjs';

createServer((incoming, response) => {
  if (incoming.method === 'GET') response.end();
  else
    readBody(incoming, (body) => {
      const upstream = ask(chatBody(JSON.parse(body).content), (reply) => {
        response.writeHead(200, SSE_HEAD);
        reply.pipe(response);
      });
      response.on('close', () => upstream.destroyed || response.writableFinished || upstream.destroy());
    });
}).listen(process.env.PORT, '127.0.0.1');
