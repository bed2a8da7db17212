import { at, echo, pause, reply, stream, text } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { sendRaw } from '../../support/raw-http';
import { sequenceOf, type SseReader } from '../../support/sse-reader';
import { useChatApp } from '../../support/use-chat-app';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** What breaks a server that builds its frames by hand, and what breaks a client that splits at every line end. */
const AWKWARD = [
  'a\n\nb',
  '\r\n\r',
  'data: x\n\n',
  'event: done\nid: 999\n',
  ': c',
  '\u2028\u2029',
  '\uFEFF',
  '👩‍👧',
];

const t = useChatApp({ SSE_HEARTBEAT_MS: '200', LLM_MAX_REPLY_CHARS: '6000000' });
const { model: server } = t;
const alice = t.client('alice');
const bob = t.client('bob');

/** A finished reply of eight events. */
async function finished(): Promise<SseReader> {
  const { id } = await alice.conversation();
  server.script(reply('one two three four five six', { delayMs: 10 }));
  return (await alice.stream(id, 'Count')).done();
}

describe('a reply as a stream', () => {
  it('has one JSON object per data line, numbered ids and no event field', async () => {
    const { id } = await alice.conversation();
    server.script(reply(['Hel', 'lo'], { reasoning: 'Hm', usage: { input: 9, output: 2 } }));
    const sent = await (await alice.stream(id, 'Hi')).done();
    const [user, message] = await alice.history(id);
    const prefix = (sequence: number) => `id: ${message.id}:${sequence}\ndata: `;
    expect(sent.frames.split('\n\n').slice(0, -2)).toEqual([
      `${prefix(1)}{"type":"start","data":{"conversation_id":"${id}","message_id":"${message.id}","user_message_id":"${user.id}","model":"test-model","sibling_count":1,"sibling_position":1,"user_sibling_count":1,"user_sibling_position":1}}`,
      `${prefix(2)}{"type":"reasoning","data":{"content":"Hm"}}`,
      `${prefix(3)}{"type":"chunk","data":{"content":"Hel"}}`,
      `${prefix(4)}{"type":"chunk","data":{"content":"lo"}}`,
    ]);
    expect(sent.last).toMatchObject({
      id: `${message.id}:5`,
      type: 'end',
      data: {
        full_text: 'Hello',
        message_id: message.id,
        finish_reason: 'stop',
        usage: { input_tokens: 9, output_tokens: 2 },
      },
    });
    expect(sent.frames.endsWith('}\n\n')).toBe(true);
  });

  it('has headers that keep proxies from holding it back', async () => {
    const { headers } = await finished();
    expect(headers['content-type']).toMatch(/^text\/event-stream/);
    expect(headers['cache-control']).toMatch(/no-cache/);
    expect(headers['cache-control']).toMatch(/no-transform/);
    expect(headers['x-accel-buffering']).toBe('no');
    expect(headers['x-request-id']).toMatch(/^req_/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['content-length']).toBeUndefined();
    expect(headers['content-encoding']).toBeUndefined();
    expect(headers.etag).toBeUndefined();
  });

  it('is made of chunks that are full_text and the stored content, whatever is in them', async () => {
    const { id } = await alice.conversation();
    server.script(reply(AWKWARD));
    const sent = await (await alice.stream(id, 'Be awkward')).done();
    expect(sent.text).toBe(AWKWARD.join(''));
    expect(sent.end.full_text).toBe(AWKWARD.join(''));
    expect((await alice.message(sent.messageId)).content).toBe(AWKWARD.join(''));
    expect(sent.ids).toEqual(sent.ids.map((_, i) => `${sent.messageId}:${i + 1}`));
    expect((await (await alice.follow(sent.messageId)).done()).frames).toBe(sent.frames);
  });

  it('returns what the user wrote byte for byte, to the model as well', async () => {
    const content = AWKWARD.join('') + ' \u202E e\u0301 \u{10FFFF}\t "\\';
    const { id } = await alice.conversation();
    server.script(echo());
    const sent = await (await alice.stream(id, content)).done();
    expect(server.requests.at(-1)?.body.messages).toEqual([{ role: 'user', content }]);
    expect((await alice.history(id))[0].content).toBe(content);
    expect(sent.end.full_text).toBe(content);
  });

  it('is read the same by all who join, whenever they do', async () => {
    const gates = [hold(), hold(), hold()];
    const { id } = await alice.conversation();
    server.script(reply(['a', gates[0], ' b', ' c', gates[1], ' d', gates[2], ' e']));
    const calls = server.requests.length;
    const readers = [await alice.stream(id, 'Go')];
    await readers[0].count(2);
    for (const gate of gates) {
      await gate.reached;
      readers.push(await alice.follow(readers[0].messageId), await alice.feed(id));
      gate.release();
    }
    readers.push(await alice.follow(readers[0].messageId));
    await readers[0].done();
    for (const reader of readers) {
      await reader.until(() => reader.last?.type === 'end');
      expect(reader.frames).toBe(readers[0].frames);
      reader.close();
    }
    expect(readers[0].text).toBe('a b c d e');
    expect(server.requests).toHaveLength(calls + 1);
  });

  it('goes on when its reader leaves, and is stored', async () => {
    const gate = hold();
    const { id } = await alice.conversation();
    server.script(reply(['Hel', gate, 'lo']));
    const left = await alice.stream(id, 'Hi');
    await left.count(2);
    left.close();
    await gate.reached;
    const later = await alice.follow(left.messageId);
    gate.release();
    expect((await later.done()).end.full_text).toBe('Hello');
    expect(await alice.message(left.messageId)).toMatchObject({ content: 'Hello', status: 'completed' });
  });

  it('is stored by the time that end is seen, and the user message by the time that start is', async () => {
    const gate = hold();
    const { id } = await alice.conversation();
    server.script(reply([gate, 'Hello'], { usage: { input: 9, output: 1 } }));
    const sent = await (await alice.stream(id, 'Hi')).count(1);
    expect(await alice.history(id)).toMatchObject([
      { role: 'user', content: 'Hi', status: 'completed', parent_id: null },
      { role: 'assistant', content: '', status: 'streaming', id: sent.messageId },
    ]);
    gate.release();
    await sent.until(() => sent.last.type === 'end');
    expect(await alice.message(sent.messageId)).toMatchObject({
      content: 'Hello',
      parts: [{ type: 'text', text: 'Hello' }],
      status: 'completed',
      finish_reason: 'stop',
      usage: { input_tokens: 9, output_tokens: 1 },
      error: null,
    });
  });

  it('shows that it lives from before the first token on, in comments with a single line end', async () => {
    const [first, second] = [hold(), hold()];
    const { id } = await alice.conversation();
    server.script(stream(at(first), text('x'), at(second), pause(1)));
    const sent = await alice.stream(id, 'Think');
    await sent.until(() => sent.pings >= 2);
    expect(sent.events).toHaveLength(1);
    expect(sent.raw).toMatch(/\}\n\n: ping\n: ping\n/);
    first.release();
    await sent.count(2);
    await sent.until(() => /"x"\}\}\n\n: ping\n/.test(sent.raw));
    second.release();
    await sent.done();
  });

  it('makes a conversation if none is named, and only then', async () => {
    const made = await (await alice.open('POST', '/chat', { content: 'Hi' })).done();
    const start = made.events[0].data as { conversation_id: string };
    expect(start.conversation_id).toMatch(UUID);
    expect(await alice.history(start.conversation_id)).toHaveLength(2);
    const again = await alice.open('POST', '/chat', {
      content: 'More',
      conversation_id: start.conversation_id,
    });
    expect((await again.done()).end.full_text).toBe('Hello from the model server.');
    expect(await alice.history(start.conversation_id)).toHaveLength(4);
  });

  it('is not begun by HEAD or OPTIONS', async () => {
    const { id } = await alice.conversation();
    const calls = server.requests.length;
    for (const method of ['HEAD', 'OPTIONS']) {
      for (const path of ['/chat', `/chat/${id}`, `/chat/${id}/stream`]) {
        expect((await alice.call(method, path)).status).toBe(405);
      }
    }
    expect(await alice.history(id)).toEqual([]);
    expect(server.requests).toHaveLength(calls);
  });

  it('is not spoiled by a reader that does not read', async () => {
    const words = Array.from({ length: 200 }, (_, i) => `${i} ${'word '.repeat(2_000)}`);
    const gate = hold();
    const { id } = await alice.conversation();
    server.script(reply(['Go', gate, ...words]));
    const idle = await (await alice.stream(id, 'A lot')).count(2);
    idle.pause();
    const busy = await (await alice.feed(id)).count(2);
    gate.release();
    await busy.until(() => busy.last.type === 'end');
    expect(busy.text).toBe(`Go${words.join('')}`);
    expect((await alice.message(idle.messageId)).content).toBe(busy.text);
    busy.close();
    idle.close();
  });

  it('is replayed whole however long it is and however slowly it is read', async () => {
    const words = Array.from({ length: 500 }, (_, i) => `${i} ${'word '.repeat(2_000)}`);
    const { id } = await alice.conversation();
    server.script(reply(words));
    const { message } = await alice.say(id, 'A lot');
    const reader = await alice.follow(message.id);
    reader.pause();
    await new Promise((resolve) => setTimeout(resolve, 200));
    reader.resume();
    await reader.done();
    expect(reader.end.full_text).toBe(words.join(''));
    expect(reader.text).toBe(words.join(''));
  });
});

describe('resuming a reply', () => {
  it('after every event gives exactly the rest, by header and by ?after=', async () => {
    const whole = await finished();
    const frames = whole.frames.split(/(?<=\n\n)/);
    expect(frames.length).toBeGreaterThan(4);
    for (let k = 0; k < frames.length - 1; k += 1) {
      const id = whole.ids[k];
      const rest = frames.slice(k + 1).join('');
      expect((await (await alice.follow(whole.messageId, { 'last-event-id': id })).done()).raw).toBe(rest);
      const path = `/messages/${whole.messageId}/stream?after=${id}`;
      expect((await (await alice.open('GET', path)).done()).raw).toBe(rest);
    }
  });

  it('works again and again while the reply is running', async () => {
    const gates = Array.from({ length: 6 }, () => hold());
    const { id } = await alice.conversation();
    server.script(reply(gates.flatMap((gate, i) => [`${i} `, gate, `${i}! `])));
    let reader = await alice.stream(id, 'Go');
    const seen: SseReader['events'] = [];
    for (const [i, gate] of gates.entries()) {
      await gate.reached;
      await reader.until(() => reader.text.endsWith(`${i} `));
      reader.close();
      seen.push(...reader.events);
      if (i % 2) gate.release();
      reader = await alice.follow(seen[0].id.split(':')[0], { 'last-event-id': seen.at(-1)?.id ?? '' });
      gate.release();
    }
    await reader.done();
    seen.push(...reader.events);
    expect(seen.map(sequenceOf)).toEqual(seen.map((_, i) => i + 1));
    expect(seen.flatMap((event) => (event.type === 'chunk' ? [event.data.content] : [])).join('')).toBe(
      reader.end.full_text,
    );
    expect(reader.end.full_text).toBe('0 0! 1 1! 2 2! 3 3! 4 4! 5 5! ');
  });

  it('is answered 204 without a body once the terminal event is known', async () => {
    const { ids, messageId, last } = await finished();
    for (const place of [last.id, `${messageId}:999`]) {
      const answer = await (await alice.follow(messageId, { 'last-event-id': place })).done();
      expect([place, answer.status, answer.raw]).toEqual([place, 204, '']);
      expect(answer.headers['content-type']).toBeUndefined();
    }
    expect((await (await alice.follow(messageId, { 'last-event-id': ids.at(-2) ?? '' })).done()).ids).toEqual(
      [last.id],
    );
  });

  it('begins at the start with :0 and without an id', async () => {
    const whole = await finished();
    for (const place of [`${whole.messageId}:0`, '']) {
      expect((await (await alice.follow(whole.messageId, { 'last-event-id': place })).done()).raw).toBe(
        whole.frames,
      );
    }
  });

  it('is refused with an id that is not of this reply', async () => {
    const [{ messageId }, other] = [await finished(), await finished()];
    const places = ['abc', messageId, `${messageId}:`, `${messageId}:-1`, `${messageId}:1e0`, other.ids[1]];
    for (const place of [...places, `${messageId}:${10 ** 18}`, `${messageId}:1.5`, `${messageId}:1 x`]) {
      const answer = await alice.follow(messageId, { 'last-event-id': place });
      const { status, code } = await answer.problem();
      expect([place, status, code]).toEqual([place, 400, 'invalid_last_event_id']);
    }
  });

  it('is for the owner only', async () => {
    const { messageId, ids } = await finished();
    const unknown = await (await bob.follow('00000000-0000-7000-8000-000000000000')).problem();
    const foreign = await (await bob.follow(messageId, { 'last-event-id': ids[2] })).problem();
    expect(foreign).toEqual({ ...unknown, instance: foreign.instance, request_id: foreign.request_id });
    expect([foreign.status, foreign.code]).toEqual([404, 'message_not_found']);
  });

  it('has nothing to read in a user message', async () => {
    const { events } = await finished();
    const { user_message_id } = events[0].data as { user_message_id: string };
    expect(await (await alice.follow(user_message_id)).problem()).toMatchObject({
      status: 404,
      code: 'message_not_found',
    });
  });

  it('also happens by POST with Last-Event-ID, which never begins a second turn', async () => {
    const whole = await finished();
    const { conversation_id } = whole.events[0].data as { conversation_id: string };
    const header = { 'last-event-id': whole.ids[2] };
    const calls = server.requests.length;
    const body = { content: 'Count' };
    for (const resumed of [
      await alice.stream(conversation_id, 'Count', header),
      await alice.open('POST', '/chat', { ...body, conversation_id }, header),
      await alice.open('POST', '/chat', body, header),
    ]) {
      expect((await resumed.done()).ids).toEqual(whole.ids.slice(3));
    }
    const done = await (
      await alice.stream(conversation_id, 'Count', { 'last-event-id': whole.last.id })
    ).done();
    expect([done.status, done.raw]).toEqual([200, '']);
    expect(await alice.history(conversation_id)).toHaveLength(2);
    expect(server.requests).toHaveLength(calls);
  });

  it('by POST is refused with an id that is not of this conversation', async () => {
    const foreign = (await finished()).ids[2];
    const { id } = await alice.conversation();
    for (const place of [foreign, 'abc', `${id}:1`]) {
      const answer = await (await alice.stream(id, 'x', { 'last-event-id': place })).problem();
      expect([answer.status, answer.code]).toEqual([400, 'invalid_last_event_id']);
    }
    const bobs = await bob.conversation();
    const answer = await (await bob.stream(bobs.id, 'x', { 'last-event-id': foreign })).problem();
    expect([answer.status, answer.code]).toEqual([400, 'invalid_last_event_id']);
    expect(await alice.history(id)).toEqual([]);
    expect(await bob.history(bobs.id)).toEqual([]);
  });

  it('works over HTTP/1.0, which has no chunks', async () => {
    const whole = await finished();
    const path = `/api/v1/messages/${whole.messageId}/stream`;
    const answer = await sendRaw(
      t.url,
      `GET ${path} HTTP/1.0\r\nHost: localhost\r\nX-User-ID: ${t.user('alice')}\r\n\r\n`,
    );
    expect(Buffer.from(answer.body, 'latin1').toString()).toBe(whole.frames);
    expect(answer.headers['transfer-encoding']).toBeUndefined();
  });

  it('leaves the connection fit for the next request', async () => {
    const whole = await finished();
    const get = (path: string) =>
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nX-User-ID: ${t.user('alice')}\r\n\r\n`;
    const answer = await sendRaw(
      t.url,
      get(`/api/v1/messages/${whole.messageId}/stream`) + get('/health/live'),
    );
    expect(answer.count).toBe(2);
    expect(answer.body).toContain('{"status":"ok"}');
  });
});
