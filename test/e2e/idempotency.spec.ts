import { DataSource } from 'typeorm';
import { streamReply } from '../support/chat-client';
import { useChatApp } from '../support/use-chat-app';
import { failure, reply } from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';

describe('Idempotency-Key', () => {
  const t = useChatApp();
  const { model } = t;
  let api: string;
  let keys = 0;

  beforeAll(async () => {
    api = `${t.url}/api/v1`;
  });
  beforeEach(() => model.reset());

  const newKey = () => `key-${++keys}`;
  const chat = (key: string, body: object, user = 'alice') =>
    streamReply(`${api}/chat`, t.user(user), { body, headers: { 'Idempotency-Key': key } });
  const post = (path: string, key: string, body: object, user = 'alice') =>
    t.as(user).post(`/api/v1${path}`).set('Idempotency-Key', key).send(body);
  const messagesOf = async (id: string) =>
    (await t.as('alice').get(`/api/v1/chat/${id}/history`).expect(200)).body.data;

  it('makes one message and one model call of fifty parallel turns, which all get the same reply', async () => {
    const gate = hold();
    model.otherwise(reply(['Once', gate, ' only.']));
    const { id } = (await t.as('alice').post('/api/v1/conversations').send({}).expect(201)).body;
    const key = newKey();
    const body = { content: 'Hello?', conversation_id: id };
    const all = Promise.all(Array.from({ length: 50 }, () => chat(key, body)));
    await model.request(0);
    gate.release();
    const replies = await all;
    expect(new Set(replies.map((each) => each.messageId)).size).toBe(1);
    expect(new Set(replies.map((each) => each.ids.join())).size).toBe(1);
    expect(new Set(replies.map((each) => each.text))).toEqual(new Set(['Once only.']));
    expect(model.requests).toHaveLength(1);
    expect(await messagesOf(id)).toHaveLength(2);
  });

  it('replays a turn that is over, also through the waiting form', async () => {
    model.otherwise(reply('Fine.'));
    const key = newKey();
    const first = await chat(key, { content: 'How are you?' });
    expect(await chat(key, { content: 'How are you?' })).toEqual(first);
    const wait = newKey();
    const path = `/chat/${first.conversationId}`;
    const one = await post(path, wait, { content: 'And now?' }).expect(200);
    const two = await post(path, wait, { content: 'And now?' }).expect(200);
    expect(two.body).toEqual(one.body);
    expect(model.requests).toHaveLength(2);
  });

  it('tells a repetition of a failed turn of the same failure, without asking the model again', async () => {
    model.otherwise(failure(500));
    const { id } = (await t.as('alice').post('/api/v1/conversations').send({}).expect(201)).body;
    const key = newKey();
    const one = await post(`/chat/${id}`, key, { content: 'x' }).expect(502);
    const two = await post(`/chat/${id}`, key, { content: 'x' }).expect(502);
    expect(two.body.message_id).toBe(one.body.message_id);
    expect(model.requests).toHaveLength(1);
  });

  it('refuses the key with another body, on another route, and in a wrong shape', async () => {
    const key = newKey();
    await post('/conversations', key, { title: 'A' }).expect(201);
    for (const [path, body] of [
      ['/conversations', { title: 'B' }],
      ['/chat', { content: 'A' }],
    ] as const) {
      expect((await post(path, key, body).expect(422)).body.code).toBe('idempotency_key_reused');
    }
    for (const bad of ['with space', 'ü', 'x'.repeat(256)]) {
      const answer = await fetch(`${api}/conversations`, {
        method: 'POST',
        headers: { 'X-User-ID': t.user('alice'), 'Content-Type': 'application/json', 'Idempotency-Key': bad },
        body: '{}',
      });
      expect([bad.slice(0, 10), answer.status]).toEqual([bad.slice(0, 10), 400]);
    }
  });

  it('answers the same conversation, feedback and fork again', async () => {
    const key = newKey();
    const all = await Promise.all(
      Array.from({ length: 20 }, () => post('/conversations', key, { title: 'Same' }).expect(201)),
    );
    for (const { body } of all) expect(body).toEqual(all[0].body);
    const { messageId, conversationId } = await chat(newKey(), { content: 'Hi' });
    const feedback = newKey();
    const one = await post('/feedback', feedback, { message_id: messageId, rating: 4 }).expect(201);
    const two = await post('/feedback', feedback, { message_id: messageId, rating: 4 }).expect(201);
    expect(two.body).toEqual(one.body);
    const fork = newKey();
    const forks = [
      await post(`/conversations/${conversationId}/fork`, fork, {}).expect(201),
      await post(`/conversations/${conversationId}/fork`, fork, {}).expect(201),
    ];
    expect(forks[0].body.id).toBe(forks[1].body.id);
  });

  it('answers what was made as it is now, and 410 once that is gone', async () => {
    model.otherwise(reply('Fine.'));
    const { messageId, conversationId } = await chat(newKey(), { content: 'Hi' });
    const provider = { name: 'mine', base_url: 'http://127.0.0.1:9/v1', api_key: 'sk-secret' };
    const cases: [path: string, made: object, place: string, changes: object][] = [
      ['/conversations', { title: 'SECRET', system_prompt: 'SECRET' }, '/conversations', { title: 'Later' }],
      [`/conversations/${conversationId}/fork`, {}, '/conversations', { title: 'Later' }],
      [
        '/feedback',
        { message_id: messageId, rating: 4, comment: 'SECRET' },
        '/feedback',
        { comment: 'Later' },
      ],
      ['/providers', provider, '/providers', { name: 'later' }],
    ];
    for (const [path, made, place, changes] of cases) {
      const key = newKey();
      const { body } = await post(path, key, made).expect(201);
      const own = `/api/v1${place}/${body.id}`;
      await t.as('alice').patch(own).send(changes).expect(200);
      const repeated = await post(path, key, made).expect(201);
      expect(repeated.body).toMatchObject({ id: body.id, ...changes });
      if (place === '/conversations') expect(repeated.headers.etag).toBe('"2"');
      await t.as('alice').delete(own).expect(204);
      const gone = await post(path, key, made).expect(410);
      expect(gone.body).toMatchObject({ code: 'resource_gone', title: 'Gone' });
      expect(gone.text).not.toContain('SECRET');
      // Another body is another request, whatever became of the first.
      await post(path, key, { ...made, metadata: {} }).expect(({ status }) =>
        expect([400, 422]).toContain(status),
      );
    }
    const rows = await t.app.get(DataSource).query(`SELECT k::text AS row FROM idempotency_keys k`);
    expect(JSON.stringify(rows)).not.toMatch(/SECRET|Later|127\.0\.0\.1/);
  });

  it('does not begin a turn again whose conversation is gone', async () => {
    model.otherwise(reply('Fine.'));
    const key = newKey();
    const body = { content: 'Hi' };
    const { conversationId } = await chat(key, body);
    await t.as('alice').delete(`/api/v1/conversations/${conversationId}`).expect(204);
    const repeated = await post('/chat', key, body).expect(410);
    expect(repeated.body.code).toBe('resource_gone');
    expect(model.requests).toHaveLength(1);
  });

  it('is free again after a refusal, and belongs to one user', async () => {
    const key = newKey();
    await post('/chat/019a5b1c-7f00-7000-8000-00000000ffff', key, { content: 'x' }).expect(404);
    const { body } = await post('/conversations', key, {}).expect(201);
    const other = await post('/conversations', key, {}, 'bob').expect(201);
    expect(other.body.id).not.toBe(body.id);
  });
});
