import type { ChatMessage } from '../../support/api-client';
import { useChatApp } from '../../support/use-chat-app';
import { reply } from '../../support/model-server/behaviours';
import { type Gate, hold } from '../../support/model-server/gate';
import { SLACK_MS } from '../../support/slack';
import type { SseReader } from '../../support/sse-reader';

const t = useChatApp();
const { model: server } = t;
const alice = t.client('alice');
const bob = t.client('bob');

// What was stopped before the model was asked has left its script behind.
afterEach(() => server.reset());

/** A reply that has said `Hel` and waits. */
async function running(): Promise<{ id: string; reader: SseReader; gate: Gate }> {
  const { id } = await alice.conversation();
  const gate = hold();
  server.script(reply(['Hel', gate, 'lo']));
  const reader = await (await alice.stream(id, 'Hi')).count(2);
  await gate.reached;
  return { id, reader, gate };
}

const stop = (id: string) => alice.post<ChatMessage>(`/chat/${id}/stop`);
const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('stop', () => {
  it('keeps the text so far, answers the final message and ends every reader with end', async () => {
    const { id, reader } = await running();
    const feed = await (await alice.feed(id)).count(2);
    const answer = await stop(id);
    expect([answer.status, answer.body]).toMatchObject([
      200,
      { id: reader.messageId, content: 'Hel', status: 'stopped', finish_reason: 'stopped', error: null },
    ]);
    expect((await reader.done()).end).toMatchObject({ full_text: 'Hel', finish_reason: 'stopped' });
    expect((await feed.count(3)).frames).toBe(reader.frames);
    feed.close();
    expect(await alice.message(reader.messageId)).toMatchObject(answer.body);
    expect((await (await alice.follow(reader.messageId)).done()).frames).toBe(reader.frames);
  });

  it('tells the model to stop within a second', async () => {
    const { id } = await running();
    const started = performance.now();
    await stop(id);
    expect(await server.requests.at(-1)?.closed).toBe('aborted');
    expect(performance.now() - started).toBeLessThan(1_000 + SLACK_MS);
  });

  it('is idempotent, also in parallel', async () => {
    const { id, reader } = await running();
    const answers = await Promise.all([stop(id), stop(id), stop(id)]);
    answers.push(await stop(id));
    for (const { status, body } of answers) {
      expect([status, body.id, body.status, body.content]).toEqual([200, reader.messageId, 'stopped', 'Hel']);
    }
    expect((await reader.done()).events.filter(({ type }) => type === 'end')).toHaveLength(1);
  });

  it('after the end changes nothing', async () => {
    const { id } = await alice.conversation();
    const { message } = await alice.say(id, 'Hi');
    expect((await stop(id)).body).toEqual(message);
    expect(await alice.message(message.id)).toMatchObject({ status: 'completed', finish_reason: 'stop' });
  });

  it('before the first reply has nothing to answer', async () => {
    const { id } = await alice.conversation();
    expect([(await stop(id)).status, await alice.history(id)]).toEqual([404, []]);
  });

  it('before the first token keeps a reply without text', async () => {
    const { id } = await alice.conversation();
    server.script(reply([hold(), 'never']));
    const reader = await (await alice.stream(id, 'Hi')).count(1);
    expect((await stop(id)).body).toMatchObject({ status: 'stopped', content: '' });
    expect((await reader.done()).end).toMatchObject({ full_text: '', finish_reason: 'stopped' });
  });

  it('finds the reply however soon after the post it comes', async () => {
    for (let tries = 0; tries < 30; tries += 1) {
      const { id } = await alice.conversation();
      const gate = hold();
      server.script(reply(['Hel', gate, 'lo']));
      const posted = alice.stream(id, 'Hi');
      let answer = await stop(id);
      while (answer.status === 404) answer = await stop(id);
      gate.release();
      const reader = await (await posted).done();
      server.reset();
      expect(answer.body.status).toBe('stopped');
      expect(reader.end).toMatchObject({ finish_reason: 'stopped', full_text: answer.body.content });
    }
  });

  it('in a race with the end leaves one outcome that all agree on', async () => {
    for (let tries = 0; tries < 20; tries += 1) {
      const { id, reader, gate } = await running();
      gate.release();
      await delay(tries / 4);
      const { body } = await stop(id);
      const { end } = await reader.done();
      expect([body.status, end.finish_reason]).toEqual(
        end.finish_reason === 'stop' ? ['completed', 'stop'] : ['stopped', 'stopped'],
      );
      expect(await alice.message(reader.messageId)).toMatchObject({
        status: body.status,
        content: end.full_text,
      });
      expect(reader.text).toBe(end.full_text);
    }
  });

  it('is for the owner only and does not disturb the reply', async () => {
    const { id, reader, gate } = await running();
    const foreign = await bob.post(`/chat/${id}/stop`);
    expect([foreign.status, foreign.body.code]).toEqual([404, 'conversation_not_found']);
    gate.release();
    expect((await reader.done()).end.full_text).toBe('Hello');
  });

  it('leaves a conversation that goes on from the text so far', async () => {
    const { id, reader } = await running();
    await stop(id);
    const { user_message } = await alice.say(id, 'And now?');
    expect(user_message.parent_id).toBe(reader.messageId);
    expect(server.requests.at(-1)?.body.messages).toEqual([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hel' },
      { role: 'user', content: 'And now?' },
    ]);
  });
});

describe('deleting a conversation while it replies', () => {
  it('ends every reader with conversation_deleted and the call to the model', async () => {
    const { id, reader } = await running();
    const feed = await (await alice.feed(id)).count(2);
    const waiting = await alice.follow(reader.messageId);
    expect((await alice.delete(`/conversations/${id}`)).status).toBe(204);
    for (const each of [reader, feed, waiting]) {
      await each.done();
      expect(each.last).toMatchObject({
        type: 'error',
        data: { code: 'conversation_deleted', retryable: false },
      });
      expect(each.complete).toBe(true);
      expect(each.events.map(({ type }) => type)).toEqual(['start', 'chunk', 'error']);
    }
    expect(await server.requests.at(-1)?.closed).toBe('aborted');
  });

  it('leaves nothing behind', async () => {
    const { id, reader } = await running();
    const [user, message] = await alice.history(id);
    await alice.delete(`/conversations/${id}`);
    await reader.done();
    await delay(50);
    for (const path of [
      `/conversations/${id}`,
      `/conversations/${id}/messages`,
      `/chat/${id}/history`,
      `/chat/${id}/stream`,
      `/messages/${user.id}`,
      `/messages/${message.id}`,
      `/messages/${message.id}/stream?after=${message.id}:1`,
    ]) {
      expect([path, (await alice.get(path)).status]).toEqual([path, 404]);
    }
    expect((await alice.delete(`/conversations/${id}`)).status).toBe(404);
  });

  it('ends the waiting form with a problem', async () => {
    const { id } = await alice.conversation();
    const gate = hold();
    server.script(reply(['Hel', gate]));
    const waiting = alice.post(`/chat/${id}`, { content: 'Hi' });
    await gate.reached;
    await alice.delete(`/conversations/${id}`);
    const { status, body } = await waiting;
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(body.code).toBe('conversation_deleted');
  });

  it('ends a feed of a conversation that is idle', async () => {
    const { id } = await alice.conversation();
    const feed = await alice.feed(id);
    await alice.delete(`/conversations/${id}`);
    await feed.done();
    expect(feed.complete).toBe(true);
  });

  it('however soon after the post, ends well', async () => {
    for (let tries = 0; tries < 20; tries += 1) {
      const { id } = await alice.conversation();
      server.script(reply(['Hel', hold()]));
      const posted = alice.stream(id, 'Hi');
      await delay(tries / 2);
      expect((await alice.delete(`/conversations/${id}`)).status).toBe(204);
      const reader = await (await posted).done();
      if (reader.isEventStream) {
        expect(reader.last).toMatchObject({ type: 'error', data: { code: 'conversation_deleted' } });
      } else {
        expect(await reader.problem()).toMatchObject({ status: 404 });
      }
    }
    server.reset();
  });
});

describe('one running reply per conversation', () => {
  it('refuses a second turn with 409 and stores nothing of it', async () => {
    const { id, reader, gate } = await running();
    for (const answer of [
      await alice.post(`/chat/${id}`, { content: 'Second' }),
      await alice.post(`/chat/${id}/stream`, { content: 'Second' }),
      await alice.post('/chat', { content: 'Second', conversation_id: id }),
    ]) {
      expect([answer.status, answer.body.code]).toEqual([409, 'reply_in_progress']);
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    }
    expect(await alice.history(id)).toHaveLength(2);
    gate.release();
    await reader.done();
    expect((await alice.say(id, 'Third')).response).toBe('Hello from the model server.');
  });

  it('makes one turn of twenty posts at once', async () => {
    const { id } = await alice.conversation();
    const gate = hold();
    const calls = server.requests.length;
    server.script(reply([gate, 'Hello']));
    const answers = Array.from({ length: 20 }, async (_, i) =>
      i % 2
        ? alice.post(`/chat/${id}`, { content: `${i}` })
        : alice.post(`/chat/${id}/stream`, { content: `${i}` }),
    );
    const refused: number[] = [];
    const counted = answers.map(async (answer) => {
      const { status } = await answer;
      if (status === 409) refused.push(status);
    });
    for (let i = 0; i < 4_000 && refused.length < 19; i += 1) await delay(5);
    gate.release();
    await Promise.all(counted);
    expect((await Promise.all(answers)).map(({ status }) => status).sort((a, b) => a - b)).toEqual([
      200,
      ...Array.from({ length: 19 }, () => 409),
    ]);
    expect((await alice.history(id)).map(({ role }) => role)).toEqual(['user', 'assistant']);
    expect(server.requests).toHaveLength(calls + 1);
  });

  it('does not keep other conversations from replying', async () => {
    const { reader, gate } = await running();
    const other = await alice.conversation();
    expect((await alice.say(other.id, 'Hi')).message.status).toBe('completed');
    gate.release();
    await reader.done();
  });
});
