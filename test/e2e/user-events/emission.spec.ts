import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { ApiClient } from '../../support/api-client';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { type ModelServer, startModelServer } from '../../support/model-server';
import { failure, reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { UserFeedClient, type FeedFrame } from '../../support/user-feed-client';

let model: ModelServer;
let t: TestApp;
let alice: ApiClient;
let feed: UserFeedClient;
let users = 0;

beforeAll(async () => {
  model = await startModelServer();
  t = await createTestApp({ env: { ...model.env, LLM_MAX_RETRIES: '0' } });
});
beforeEach(async () => {
  model.reset();
  const user = `alice-${(users += 1)}`;
  alice = ApiClient.of(t.url, user);
  feed = await UserFeedClient.open(t.url, { user });
});
afterEach(() => feed.close());
afterAll(async () => {
  await t.close();
  await model.close();
});

/** What has come, when nothing more comes: a change of a conversation of its own is the last. */
async function told(): Promise<Omit<FeedFrame, 'id'>[]> {
  const { id } = await alice.conversation({ title: 'the mark' });
  const isMark = ({ type, data }: FeedFrame) =>
    type === 'conversation.created' && data.conversation_id === id;
  await feed.until(() => feed.events.some(isMark));
  const end = feed.events.findIndex(isMark);
  const events = feed.events.splice(0, end + 1).slice(0, -1);
  return events.map(({ type, data }) => ({ type, data }));
}

describe('what a feed says of a turn', () => {
  it('a first one: the conversation, both messages, and the reply from its start to its end', async () => {
    model.script(reply('Hi.'));
    const { body: turn } = await alice.post<{
      conversation_id: string;
      message: { id: string };
      user_message: { id: string };
    }>(`/chat/${crypto.randomUUID()}`, { content: 'Hi' });
    expect(turn).toMatchObject({ code: 'conversation_not_found' });
    const stream = await (await alice.open('POST', '/chat', { content: 'Hello there' })).done();
    const start = stream.events[0].data as Record<string, string>;
    const { conversation_id, message_id, user_message_id, model: asked } = start;
    const ids = { conversation_id, message_id };
    expect(await told()).toEqual([
      {
        type: 'conversation.created',
        data: {
          conversation_id,
          key: null,
          title: 'Hello there',
          model: null,
          system_prompt: null,
          settings: {},
          metadata: {},
          pinned: false,
          archived: false,
        },
      },
      {
        type: 'message.created',
        data: {
          conversation_id,
          message_id: user_message_id,
          parent_id: null,
          role: 'user',
          created_at: expect.any(String),
        },
      },
      {
        type: 'message.created',
        data: { ...ids, parent_id: user_message_id, role: 'assistant', created_at: expect.any(String) },
      },
      { type: 'reply.started', data: { ...ids, user_message_id, model: asked } },
      { type: 'reply.ended', data: { ...ids, status: 'completed', finish_reason: 'stop' } },
    ]);
  });

  it('one that names its conversation, and one that does not', async () => {
    model.script(reply('Hi.'), reply('Ho.'));
    const { id } = await alice.conversation();
    await told();
    await alice.say(id, 'A name');
    const types = ['message.created', 'message.created', 'reply.started', 'reply.ended'];
    const named = await told();
    expect(named.map(({ type }) => type)).toEqual(['title', ...types]);
    expect(named[0].data).toEqual({ conversation_id: id, title: 'A name' });
    await alice.say(id, 'No name');
    expect((await told()).map(({ type }) => type)).toEqual(types);
  });

  it('one that fails, one that is stopped, and a further reply', async () => {
    const { id } = await alice.conversation({ title: 'x' });
    model.script(failure(500));
    await alice.post(`/chat/${id}`, { content: 'Hi' });
    const gate = hold();
    model.script(reply(['One', gate, 'two']));
    const stopped = await alice.stream(id, 'And?');
    await gate.reached;
    await alice.post(`/chat/${id}/stop`);
    gate.release();
    await stopped.done();
    model.script(reply('Three.'));
    await (await alice.open('POST', `/messages/${stopped.messageId}/regenerate`)).done();
    const events = await told();
    expect(events.filter(({ type }) => type === 'reply.ended').map(({ data }) => data.status)).toEqual([
      'failed',
      'stopped',
      'completed',
    ]);
    expect(events.filter(({ type }) => type === 'message.created')).toHaveLength(5);
  });

  it('one that waits: in the queue, then running, or cancelled', async () => {
    const { id } = await alice.conversation({ title: 'x' });
    const gate = hold();
    model.script(reply(['One', gate]), reply('Two.'));
    const first = await (await alice.stream(id, 'One')).count(2);
    const queued = (content: string) =>
      alice.open('POST', `/chat/${id}/stream`, { content, on_busy: 'queue' });
    const second = queued('Two');
    await feed.count('reply.waiting', 1);
    void queued('Three').then((stream) => stream.close());
    await feed.count('reply.waiting', 2);
    const [waits, cancelled] = feed.of('reply.waiting').map(({ data }) => String(data.message_id));
    await alice.post(`/messages/${cancelled}/stop`);
    gate.release();
    await first.done();
    await (await second).done();
    await feed.count('reply.ended', 3);
    const of = (messageId: string) =>
      feed.events
        .filter(({ type, data }) => type.startsWith('reply.') && data.message_id === messageId)
        .map(({ type, data }) => `${type} ${(data.status as string | undefined) ?? ''}`);
    expect(of(waits)).toEqual(['reply.waiting ', 'reply.started ', 'reply.ended completed']);
    expect(of(cancelled)).toEqual(['reply.waiting ', 'reply.ended stopped']);
  });

  it('nothing of one that is refused', async () => {
    const { id } = await alice.conversation({ title: 'x' });
    const gate = hold();
    model.script(reply(['One', gate]));
    const first = await (await alice.stream(id, 'One')).count(2);
    await told();
    expect((await alice.post(`/chat/${id}`, { content: 'Two' })).status).toBe(409);
    expect(await told()).toEqual([]);
    gate.release();
    await first.done();
  });

  it('never the text of a message', async () => {
    model.script(reply('secret words'));
    const { id } = await alice.conversation({ title: 'x' });
    const { message } = await alice.say(id, 'hidden question');
    await alice.post(`/messages/${message.parent_id}/edit`, { content: 'hidden edit' });
    await told();
    expect(feed.raw).not.toMatch(/secret|hidden/);
  });
});

describe('what a feed says of other changes', () => {
  it('fields that have changed, as far as they are short', async () => {
    const { id } = await alice.conversation({ title: 'Old' });
    await told();
    await alice.patch(`/conversations/${id}`, { title: 'New', pinned: true });
    await alice.put(`/conversations/${id}`, { archived: true });
    await alice.patch(`/conversations/${id}`, { system_prompt: 'p'.repeat(3_000), model: null });
    await alice.patch(`/conversations/${id}`, {});
    await alice.patch('/conversations/019a5b1c-7f00-7000-8000-000000000001', { title: 'None' });
    await alice.call('DELETE', `/conversations/${id}/context`);
    expect(await told()).toEqual(
      [
        { title: 'New', pinned: true },
        { archived: true },
        { model: null, omitted: ['system_prompt'] },
        { context_cleared: true },
      ].map((data) => ({ type: 'conversation.updated', data: { conversation_id: id, ...data } })),
    );
  });

  it('the path that was selected, a fork, what was read, what is gone', async () => {
    model.script(reply('One.'), reply('Two.'));
    const { id } = await alice.conversation({ title: 'x' });
    const { message } = await alice.say(id, 'Hi');
    await alice.post(`/conversations/${id}/read`);
    await alice.post(`/conversations/${id}/read`);
    await (await alice.open('POST', `/messages/${message.id}/regenerate`)).done();
    await told();
    await alice.post(`/messages/${message.id}/select`);
    const { body: fork } = await alice.post<{ id: string }>(`/conversations/${id}/fork`);
    await alice.delete(`/conversations/${id}`);
    await alice.delete(`/conversations/${id}`);
    expect(await told()).toEqual([
      { type: 'conversation.updated', data: { conversation_id: id, active_message_id: message.id } },
      {
        type: 'conversation.created',
        data: expect.objectContaining({ conversation_id: fork.id, title: 'x' }),
      },
      { type: 'conversation.deleted', data: { conversation_id: id } },
    ]);
  });

  it('read is told once, when it was unread', async () => {
    model.script(reply('One.'));
    const { id } = await alice.conversation({ title: 'x' });
    await alice.say(id, 'Hi');
    await told();
    for (const _ of [1, 2]) expect((await alice.post(`/conversations/${id}/read`)).status).toBe(204);
    expect(await told()).toEqual([
      { type: 'conversation.updated', data: { conversation_id: id, unread: false } },
    ]);
  });

  it('keeps no title of a conversation that is gone', async () => {
    const { id } = await alice.conversation({
      title: 'canary of a title',
      system_prompt: 'canary of a prompt',
    });
    await alice.patch(`/conversations/${id}`, { title: 'canary again', metadata: { a: 'canary' } });
    await alice.delete(`/conversations/${id}`);
    await told();
    const rows: { data: object }[] = await t.app
      .get(DataSource)
      .query(
        `SELECT events FROM user_events WHERE events -> 0 -> 'data' ->> 'conversation_id' = $1 ORDER BY seq`,
        [id],
      );
    expect(rows).toHaveLength(3);
    expect(JSON.stringify(rows)).not.toContain('canary');
  });

  it('nothing of others', async () => {
    const bob = ApiClient.of(t.url, 'bob');
    const { id } = await bob.conversation({ title: 'Of Bob' });
    await bob.delete(`/conversations/${id}`);
    await sleep(100);
    expect(await told()).toEqual([]);
  });
});
