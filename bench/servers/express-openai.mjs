// What many write first: Express and the provider's SDK, nothing stored.
import express from 'express';
import OpenAI from 'openai';
import { chunkEvent, SSE_HEAD } from './upstream.mjs';

const openai = new OpenAI();
const app = express();
app.use(express.json());
app.get('/health/ready', (_request, response) => void response.end());

app.post('/chat', async (request, response) => {
  const messages = [{ role: /** @type {const} */ ('user'), content: request.body.content }];
  const stream = await openai.chat.completions.create({ model: 'bench', stream: true, messages });
  response.writeHead(200, SSE_HEAD);
  for await (const chunk of stream) {
    const content = chunk.choices[0]?.delta?.content;
    if (content) response.write(chunkEvent(content));
  }
  response.end('data: [DONE]\n\n');
});

app.listen(Number(process.env.PORT), '127.0.0.1');
