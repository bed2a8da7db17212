import type { Response } from 'supertest';
import { createTestApp } from '../../support/create-test-app';
import { AnswerValidator } from './answer-validator';
import { type ApiDocument, operationsOf, writtenDocument } from './api-document';
import { NO_MODEL, useChatApp } from '../../support/use-chat-app';

const NOBODYS_ID = '019a5b1c-7f00-7000-8000-00000000dead';

let document: ApiDocument;
let validator: AnswerValidator;
const t = useChatApp(NO_MODEL, { own: 'has every kind of row' });
beforeAll(async () => {
  document = await writtenDocument();
  validator = new AnswerValidator(document);
});

/** Fails unless the answer is one that the operation documents, problems with a documented code included. */
function expectDocumented(operationId: string, answer: Response, status: number): void {
  const [, operation] =
    operationsOf(document).find(([, { operationId: id }]) => id === operationId) ?? ([] as never);
  expect([operationId, answer.status]).toEqual([operationId, status]);
  const content = operation.responses[status]?.content;
  if (!content) return expect(answer.text).toBe('');
  const type = answer.headers['content-type'].split(';')[0];
  expect(Object.keys(content)).toEqual([type]);
  const { schema = {}, examples = {} } = content[type];
  const values = type === 'text/event-stream' ? eventsOf(answer.text) : [JSON.parse(answer.text)];
  expect(values.flatMap((value) => validator.faults(schema, value))).toEqual([]);
  if (status >= 400) expect(Object.keys(examples)).toContain(values[0].code);
}

function eventsOf(stream: string): { type: string; data: Record<string, string> }[] {
  return [...stream.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json));
}

const alice = () => t.as('alice');

describe('what the service answers is what the document says', () => {
  let conversation: string;
  let reply: string;

  it('of a turn', async () => {
    const created = await alice()
      .post('/api/v1/conversations')
      .send({ title: 'Typed', settings: { seed: 1 } });
    expectDocumented('createConversation', created, 201);
    conversation = created.body.id;

    const waited = await alice().post(`/api/v1/chat/${conversation}`).send({ content: 'Hello' });
    expectDocumented('sendMessage', waited, 200);
    const streamed = await alice().post(`/api/v1/chat/${conversation}/stream`).send({ message: 'And now?' });
    expectDocumented('streamChat', streamed, 200);
    expect(new Set(eventsOf(streamed.text).map(({ type }) => type))).toEqual(
      new Set(['start', 'chunk', 'end']),
    );
    reply = eventsOf(streamed.text)[0].data.message_id;

    expectDocumented('startChat', await alice().post('/api/v1/chat').send({ content: 'Hello' }), 200);
    expectDocumented('followReply', await alice().get(`/api/v1/messages/${reply}/stream`), 200);
    expectDocumented('followReply', await alice().get(`/api/v1/messages/${reply}/stream?after=99999`), 204);
    expectDocumented('stopReply', await alice().post(`/api/v1/chat/${conversation}/stop`), 200);
  });

  it('of reading', async () => {
    expectDocumented('listConversations', await alice().get('/api/v1/conversations?limit=1'), 200);
    expectDocumented('getConversation', await alice().get(`/api/v1/conversations/${conversation}`), 200);
    expectDocumented(
      'listMessages',
      await alice().get(`/api/v1/conversations/${conversation}/messages?limit=3`),
      200,
    );
    expectDocumented('listHistory', await alice().get(`/api/v1/chat/${conversation}/history`), 200);
    expectDocumented('getMessage', await alice().get(`/api/v1/messages/${reply}`), 200);
    expectDocumented('listModels', await alice().get('/api/v1/models'), 200);
    expectDocumented('getHealth', await t.request.get('/health'), 200);
    expectDocumented('getLiveness', await t.request.get('/health/live'), 200);
    expectDocumented('getReadiness', await t.request.get('/health/ready'), 200);
    expectDocumented('createStreamTicket', await alice().post('/api/v1/auth/stream-ticket'), 200);
  });

  it('of feedback', async () => {
    const feedback = { message_id: reply, rating: 5, tags: ['helpful'] };
    const created = await alice().post('/api/v1/feedback').send(feedback);
    expectDocumented('createFeedback', created, 201);
    expectDocumented('createFeedback', await alice().post('/api/v1/feedback').send(feedback), 200);
    const path = `/api/v1/feedback/${created.body.id}`;
    expectDocumented('updateFeedback', await alice().patch(path).send({ comment: 'Good.' }), 200);
    expectDocumented('getFeedback', await alice().get(path), 200);
    expectDocumented('listFeedback', await alice().get(`/api/v1/feedback?message_id=${reply}`), 200);
    expectDocumented('getMessage', await alice().get(`/api/v1/messages/${reply}`), 200);
    expectDocumented('listFeedback', await alice().get('/api/v1/feedback?all=true'), 403);
    expectDocumented('summarizeFeedback', await alice().get('/api/v1/feedback/summary'), 403);
    expectDocumented('exportFeedback', await alice().get('/api/v1/feedback/export'), 403);
    expectDocumented('deleteFeedback', await alice().delete(path), 204);
  });

  it('of shares', async () => {
    const path = `/api/v1/conversations/${conversation}/shares`;
    const created = await alice().post(path).send({});
    expectDocumented('createShare', created, 201);
    expectDocumented('createShare', await alice().post(path).send({ message_id: NOBODYS_ID }), 404);
    expectDocumented('listShares', await alice().get('/api/v1/shares'), 200);
    const shared = `/api/v1/shared/${created.body.token}`;
    expectDocumented('getShared', await t.request.get(shared), 200);
    expectDocumented('copyShared', await t.as('bob').post(`${shared}/copy`), 201);
    expectDocumented('deleteShare', await alice().delete(`/api/v1/shares/${created.body.id}`), 204);
    expectDocumented('getShared', await t.request.get(shared), 404);
    expectDocumented('deleteShare', await alice().delete(`/api/v1/shares/${created.body.id}`), 404);
  });

  it('of errors', async () => {
    const path = `/api/v1/conversations/${conversation}`;
    const chat = `/api/v1/chat/${conversation}`;
    expectDocumented('listConversations', await t.request.get('/api/v1/conversations'), 401);
    expectDocumented('listConversations', await alice().get('/api/v1/conversations?limit=0'), 400);
    expectDocumented('listConversations', await alice().get('/api/v1/conversations?cursor=x'), 400);
    expectDocumented('listModels', await alice().get('/api/v1/models?a=1&a=2'), 400);
    expectDocumented('getConversation', await t.as('bob').get(path), 404);
    expectDocumented(
      'createConversation',
      await alice().post('/api/v1/conversations').send({ model: 'none' }),
      400,
    );
    expectDocumented(
      'createConversation',
      await alice().post('/api/v1/conversations').type('text').send('{}'),
      415,
    );
    expectDocumented('updateConversation', await alice().patch(path).set('If-Match', '"99"').send({}), 412);
    expectDocumented('sendMessage', await alice().post(chat).send({ content: 'a', message: 'b' }), 400);
    expectDocumented(
      'sendMessage',
      await alice().post(chat).send({ content: 'a', parent_id: NOBODYS_ID }),
      404,
    );
    expectDocumented('streamChat', await alice().post(`${chat}/stream?after=x`).send({ content: 'a' }), 400);
    expectDocumented(
      'startChat',
      await alice().post('/api/v1/chat').send({ content: 'a', conversation_id: NOBODYS_ID }),
      404,
    );
    expectDocumented('followReply', await alice().get(`/api/v1/messages/${NOBODYS_ID}/stream`), 404);
    expectDocumented(
      'createFeedback',
      await alice().post('/api/v1/feedback').send({ message_id: NOBODYS_ID, rating: 1 }),
      404,
    );
  });

  it('of a second turn during a reply', async () => {
    const post = { method: 'POST', body: '{"content":"Hello"}' };
    const headers = { 'X-User-ID': 'alice', 'Content-Type': 'application/json' };
    const running = await fetch(`${t.url}/api/v1/chat/${conversation}/stream`, { ...post, headers });
    expectDocumented(
      'sendMessage',
      await alice().post(`/api/v1/chat/${conversation}`).send({ content: 'a' }),
      409,
    );
    await running.body?.cancel();
    expectDocumented('stopReply', await alice().post(`/api/v1/chat/${conversation}/stop`), 200);
  });

  it('of endings', async () => {
    expectDocumented(
      'clearContext',
      await alice().delete(`/api/v1/conversations/${conversation}/context`),
      204,
    );
    expectDocumented(
      'putConversation',
      await alice().put(`/api/v1/conversations/${conversation}`).send({ archived: true }),
      200,
    );
    expectDocumented(
      'deleteConversation',
      await alice().delete(`/api/v1/conversations/${conversation}`),
      204,
    );
  });
});

it('a reply that fails is answered as documented, with the ids of what was kept', async () => {
  const env = { OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', OPENAI_MODEL: 'none', LLM_MAX_RETRIES: '0' };
  const failing = await createTestApp({ env });
  try {
    const { body } = await failing.as('alice').post('/api/v1/conversations').send({});
    const answer = await failing.as('alice').post(`/api/v1/chat/${body.id}`).send({ content: 'Hello' });
    expectDocumented('sendMessage', answer, 502);
    expect(answer.body).toHaveProperty('message_id');
  } finally {
    await failing.close();
  }
});
