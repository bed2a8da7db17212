import { setTimeout as sleep } from 'node:timers/promises';
import { useChatApp } from '../../support/use-chat-app';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { SocketClient, SocketReply } from '../../support/socket-client';

const t = useChatApp();
const { model } = t;
const alice = t.client('alice');
let socket: SocketClient;

beforeEach(async () => {
  socket = await SocketClient.of(t.url, t.user('alice'));
});
afterEach(() => {
  socket.socket.terminate();
  model.reset();
});

describe('chat', () => {
  it('makes a conversation, stores the message and streams the reply', async () => {
    socket.send({ type: 'chat', request_id: 'r1', content: 'Hello', settings: { temperature: 0.5 } });
    const answer = await socket.reply('r1');
    expect(answer.events[0]).toMatchObject({ type: 'start' });
    expect(answer.last).toMatchObject({
      type: 'end',
      data: { full_text: answer.text, finish_reason: 'stop' },
    });
    expect(answer.sequences).toEqual(answer.events.map((_, index) => index + 1));
    expect(model.requests[0].body).toMatchObject({ temperature: 0.5 });
    const message = await alice.message(answer.messageId);
    expect(await alice.history(message.conversation_id)).toMatchObject([
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: answer.text, status: 'completed' },
    ]);
  });

  it('goes on in a conversation, after a reply, by the synonym, and without a request id', async () => {
    const { id } = await alice.conversation();
    const first = await alice.say(id, 'One');
    await alice.say(id, 'Two');
    socket.send({ type: 'chat', conversation_id: id, parent_id: first.message.id, message: 'Other two' });
    const events = () => socket.eventsFor();
    await socket.until(() => events().some(({ type }) => type === 'end'));
    expect(socket.raw[0]).toMatch(/^\{"id":"[0-9a-f-]{36}:1","type":"start","data":/);
    const history = await alice.history(id);
    expect(history.map(({ content }) => content)).toEqual([
      'One',
      first.response,
      'Other two',
      new SocketReply(events()).text,
    ]);
  });

  it('sends the same bytes as SSE, with the ids in front', async () => {
    const gate = hold();
    model.script(reply(['Hel', gate, 'lo "you"\n\u2028\u{1f600}'], { reasoning: 'Hm.' }));
    socket.send({ type: 'chat', request_id: 'a "quoted" id', content: 'Hi' });
    await gate.reached;
    await socket.until(() => socket.frames.length > 1);
    const [messageId] = (socket.frames[0].id ?? '').split(':');
    const sse = await alice.follow(messageId);
    gate.release();
    await sse.done();
    await socket.reply('a "quoted" id');
    const expected = [...sse.frames.matchAll(/id: (.*)\ndata: \{([^\n]*)\}\n\n/g)].map(
      ([, id, json]) => `{"id":"${id}","request_id":"a \\"quoted\\" id",${json}}`,
    );
    expect(expected.length).toBeGreaterThan(3);
    expect(socket.raw).toEqual(expected);
  });

  it('streams several replies at once', async () => {
    const gates = [hold(), hold(), hold()];
    model.script(...gates.map((gate, i) => reply([`${i}a `, gate, `${i}b`])));
    for (const i of [0, 1, 2]) {
      socket.send({ type: 'chat', request_id: `r${i}`, content: 'Hi' });
      await gates[i].reached;
    }
    for (const i of [2, 0, 1]) {
      gates[i].release();
      expect((await socket.reply(`r${i}`)).text).toBe(`${i}a ${i}b`);
    }
    expect(socket.frames.filter(({ type }) => type === 'end').map(({ request_id }) => request_id)).toEqual([
      'r2',
      'r0',
      'r1',
    ]);
  });

  it('does the same once for an idempotency key, over HTTP as well', async () => {
    const frame = { type: 'chat', idempotency_key: 'k1', content: 'Once' };
    socket.send({ ...frame, request_id: 'a' });
    const first = await socket.reply('a');
    socket.send({ ...frame, request_id: 'b' });
    expect((await socket.reply('b')).events).toEqual(first.events);
    const sse = await alice.open('POST', '/chat', { content: 'Once' }, { 'idempotency-key': 'k1' });
    expect((await sse.done()).events).toEqual(first.events);
    expect(model.requests).toHaveLength(1);
    expect(await socket.ask({ ...frame, request_id: 'c', content: 'Twice' })).toMatchObject({
      type: 'error',
      data: { code: 'idempotency_key_reused', status: 422, retryable: false },
    });
    expect(await socket.ask({ ...frame, request_id: 'd', idempotency_key: 'a b' })).toMatchObject({
      data: { code: 'invalid_idempotency_key' },
    });
  });

  it('refuses what POST /chat refuses, before anything is stored', async () => {
    const { id } = await alice.conversation();
    const gate = hold();
    model.script(reply([gate, 'x']));
    await (await alice.stream(id, 'Hi')).count(1);
    const refused = async (fields: object) => {
      const frame = await socket.ask({ type: 'chat', request_id: 'r', ...fields });
      expect(frame).not.toHaveProperty('id');
      return [frame.type, frame.data.code, frame.data.status];
    };
    expect(await refused({ conversation_id: id, content: 'More' })).toEqual([
      'error',
      'reply_in_progress',
      409,
    ]);
    expect(await refused({ content: 'x', model: 'none' })).toEqual(['error', 'model_not_found', 400]);
    expect(await refused({ content: 'x', message: 'x' })).toEqual(['error', 'validation_failed', 400]);
    expect(await refused({ content: '' })).toEqual(['error', 'validation_failed', 400]);
    expect(await refused({ content: 'x', role: 'system' })).toEqual(['error', 'validation_failed', 400]);
    gate.release();
    expect(model.requests).toHaveLength(1);
  });

  it('is not stopped by a client that leaves, and can be read on over SSE', async () => {
    const gate = hold();
    model.script(reply(['Hel', gate, 'lo']));
    socket.send({ type: 'chat', request_id: 'r', content: 'Hi' });
    await socket.until(() => socket.eventsFor('r').some(({ type }) => type === 'chunk'));
    const seen = new SocketReply(socket.eventsFor('r'));
    socket.socket.terminate();
    await sleep(50);
    gate.release();
    const rest = await (await alice.follow(seen.messageId, { 'last-event-id': seen.last.id })).done();
    expect(rest.text).toBe('lo');
    expect((await alice.message(seen.messageId)).status).toBe('completed');
  });
});

describe('stop', () => {
  it('ends the running reply, and answers the message', async () => {
    model.script(reply(['Hel', hold()]));
    socket.send({ type: 'chat', request_id: 'r', content: 'Hi' });
    await socket.until(() => socket.eventsFor('r').some(({ type }) => type === 'chunk'));
    const { conversation_id, message_id } = socket.frames[0].data;
    const stopped = await socket.ask({ type: 'stop', request_id: 's', conversation_id });
    expect(stopped).toMatchObject({
      type: 'stopped',
      data: { id: message_id, status: 'stopped', content: 'Hel' },
    });
    expect((await socket.reply('r')).last).toMatchObject({
      type: 'end',
      data: { finish_reason: 'stopped', full_text: 'Hel' },
    });
    expect(await alice.message(message_id as string)).toMatchObject(stopped.data);
  });

  it('can follow a chat at once', async () => {
    const { id } = await alice.conversation();
    model.script(reply([hold()]));
    socket.send({ type: 'chat', request_id: 'r', conversation_id: id, content: 'Hi' });
    const stopped = await socket.ask({ type: 'stop', request_id: 's', conversation_id: id });
    expect(stopped).toMatchObject({ type: 'stopped', data: { status: 'stopped' } });
  });
});

describe('follow', () => {
  it('replays a reply, resumes it after an event, and says when there is nothing more', async () => {
    model.script(reply(['a', 'b', 'c']));
    const { message } = await alice.say((await alice.conversation()).id, 'Hi');
    const whole = (await (await alice.follow(message.id)).done()).events;
    const follow = { type: 'follow', message_id: message.id };
    socket.send({ ...follow, request_id: 'all' });
    expect((await socket.reply('all')).events).toEqual(whole);
    for (const [index, after] of [2, '2', `${message.id}:2`].entries()) {
      socket.send({ ...follow, request_id: `after${index}`, after });
      expect((await socket.reply(`after${index}`)).events).toEqual(whole.slice(2));
    }
    expect(await socket.ask({ ...follow, request_id: 'end', after: whole.at(-1)?.id })).toEqual({
      type: 'up_to_date',
      request_id: 'end',
      data: { message_id: message.id },
    });
    for (const after of [-1, 1.5, 'x', '', `${crypto.randomUUID()}:1`].filter((each) => each !== '')) {
      expect(await socket.ask({ ...follow, request_id: 'bad', after })).toMatchObject({
        type: 'error',
        data: { code: 'invalid_last_event_id', status: 400 },
      });
    }
  });

  it('takes up on another socket where one was cut', async () => {
    const gate = hold();
    model.script(reply(['Hel', gate, 'lo']));
    socket.send({ type: 'chat', request_id: 'r', content: 'Hi' });
    await socket.until(() => socket.eventsFor('r').some(({ type }) => type === 'chunk'));
    const seen = new SocketReply(socket.eventsFor('r'));
    socket.socket.terminate();
    const other = await SocketClient.of(t.url, t.user('alice'));
    other.send({
      type: 'follow',
      message_id: seen.messageId.toUpperCase(),
      after: seen.last.id,
      request_id: 'x',
    });
    gate.release();
    const rest = await other.reply('x');
    expect(seen.text + rest.text).toBe('Hello');
    expect(rest.sequences[0]).toBe(seen.events.length + 1);
    await other.close();
  });

  it('reads a conversation across replies, and tells when it is deleted', async () => {
    const { id } = await alice.conversation();
    socket.send({ type: 'follow', conversation_id: id, request_id: 'feed' });
    await socket.ask({ type: 'unfollow', message_id: id, request_id: 'sync' });
    const turns = [await alice.say(id, 'One'), await alice.say(id, 'Two')];
    await socket.until(() => socket.eventsFor('feed').filter(({ type }) => type === 'end').length === 2);
    const texts = turns.map(({ response }) => response).join('');
    expect(new SocketReply(socket.eventsFor('feed')).text).toBe(texts);
    const last = socket.eventsFor('feed').at(-1)?.id;
    await alice.delete(`/conversations/${id}`);
    await socket.until(() => socket.frames.at(-1)?.type === 'unfollowed');
    expect(socket.frames.at(-1)).toEqual({
      type: 'unfollowed',
      request_id: 'feed',
      data: { conversation_id: id },
    });
    const again = await socket.ask({ type: 'follow', conversation_id: id, after: last, request_id: 'again' });
    expect(again.data).toMatchObject({ code: 'conversation_not_found' });
  });

  it('resumes a conversation after an event', async () => {
    const { id } = await alice.conversation();
    const turns = [await alice.say(id, 'One'), await alice.say(id, 'Two')];
    const after = `${turns[0].message.id}:2`;
    socket.send({ type: 'follow', conversation_id: id, after, request_id: 'feed' });
    await socket.until(() => socket.eventsFor('feed').filter(({ type }) => type === 'end').length === 2);
    const feed = await alice.feed(id, { 'last-event-id': after });
    await feed.until(() => feed.events.length === socket.eventsFor('feed').length);
    expect(socket.eventsFor('feed')).toEqual(feed.events);
    feed.close();
    expect(
      await socket.ask({ type: 'follow', conversation_id: id, after: 2, request_id: 'x' }),
    ).toMatchObject({ data: { code: 'invalid_last_event_id' } });
  });

  it('of the same reply again takes the place of the first', async () => {
    const gate = hold();
    model.script(reply(['Hel', gate, 'lo']));
    socket.send({ type: 'chat', request_id: 'r', content: 'Hi' });
    await socket.until(() => socket.eventsFor('r').some(({ type }) => type === 'chunk'));
    const { messageId } = new SocketReply(socket.eventsFor('r'));
    await socket.ask({ type: 'follow', message_id: messageId, request_id: 'again' });
    const before = socket.eventsFor('r').length;
    gate.release();
    expect((await socket.reply('again')).text).toBe('Hello');
    expect(socket.eventsFor('r')).toHaveLength(before);
  });

  it('ends by unfollow, and the reply goes on', async () => {
    const gate = hold();
    model.script(reply(['Hel', gate, 'lo']));
    socket.send({ type: 'chat', request_id: 'r', content: 'Hi' });
    await socket.until(() => socket.eventsFor('r').some(({ type }) => type === 'chunk'));
    const { messageId } = new SocketReply(socket.eventsFor('r'));
    expect(await socket.ask({ type: 'unfollow', message_id: messageId, request_id: 'u' })).toEqual({
      type: 'unfollowed',
      request_id: 'u',
      data: { message_id: messageId },
    });
    gate.release();
    expect((await (await alice.follow(messageId)).done()).end.full_text).toBe('Hello');
    expect(socket.frames.at(-1)?.type).toBe('unfollowed');
  });

  it('is refused for more than 64 at once, and so is a chat, before it begins', async () => {
    const ids = [];
    for (let i = 0; i < 65; i++) ids.push((await alice.conversation()).id);
    for (const [i, id] of ids.slice(0, 64).entries()) {
      socket.send({ type: 'follow', conversation_id: id, request_id: `f${i}` });
      await sleep(40);
    }
    const refused = await socket.ask({ type: 'follow', conversation_id: ids[64], request_id: 'x' });
    expect(refused.data).toMatchObject({ code: 'too_many_streams', status: 429, retryable: true });
    expect((await socket.ask({ type: 'chat', content: 'Hi', request_id: 'y' })).data).toMatchObject({
      code: 'too_many_streams',
    });
    expect(model.requests).toHaveLength(0);
    await socket.ask({ type: 'unfollow', conversation_id: ids[0], request_id: 'u' });
    socket.send({ type: 'chat', request_id: 'z', content: 'Hi' });
    expect((await socket.reply('z')).last.type).toBe('end');
  });
});
