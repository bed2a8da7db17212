// The AI SDK on Express with chats in PostgreSQL, as its pages on Express and on message persistence tell: the chat is
// loaded, the messages are validated, the stream is consumed even if the reader leaves, and the chat is saved at the end.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import {
  convertToModelMessages,
  generateId,
  pipeUIMessageStreamToResponse,
  streamText,
  toUIMessageStream,
  validateUIMessages,
} from 'ai';
import express from 'express';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
await pool.query('CREATE TABLE IF NOT EXISTS chats (id text PRIMARY KEY, messages jsonb NOT NULL)');
const provider = createOpenAICompatible({
  name: 'bench',
  baseURL: String(process.env.OPENAI_BASE_URL),
  apiKey: 'none',
});
const app = express();
app.use(express.json());
app.get('/health/ready', (_request, response) => void response.end());

app.post('/chat', async (request, response) => {
  const { id, message } = request.body;
  const messages = await validateUIMessages({ messages: [...(await loadChat(id)), message] });
  const result = streamText({
    model: provider.chatModel('bench'),
    messages: await convertToModelMessages(messages),
  });
  void result.consumeStream();
  void pipeUIMessageStreamToResponse({
    response,
    stream: toUIMessageStream({
      stream: result.stream,
      originalMessages: messages,
      generateMessageId: generateId,
      onEnd: (end) => saveChat(id, end.messages),
    }),
  });
});

/** @param {string} id */
async function loadChat(id) {
  const { rows } = await pool.query('SELECT messages FROM chats WHERE id = $1', [id]);
  return rows[0]?.messages ?? [];
}

/** @param {string} id @param {unknown[]} messages */
async function saveChat(id, messages) {
  await pool.query(
    'INSERT INTO chats (id, messages) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET messages = excluded.messages',
    [id, JSON.stringify(messages)],
  );
}

app.listen(Number(process.env.PORT), '127.0.0.1');
