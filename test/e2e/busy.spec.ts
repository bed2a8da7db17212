import { DataSource } from 'typeorm';
import { TurnQueue } from '../../src/turns/queue/turn-queue';
import { ApiClient, type ChatMessage } from '../support/api-client';
import { createTestApp } from '../support/create-test-app';
import { useChatApp } from '../support/use-chat-app';
import { reply } from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { createTestDatabase } from '../support/test-database';

const t = useChatApp();
const { model } = t;
const alice = t.client('alice');

beforeEach(() => model.reset());

const post = (id: string, content: string, on_busy?: string, headers = {}) =>
  alice.open('POST', `/chat/${id}/stream`, { content, on_busy }, headers);
/** The reply that a POST is answered with, before any event of it has come. */
const replyOf = (reader: { headers: Record<string, unknown> }) =>
  /^\/api\/v1\/messages\/([^/]+)\/stream$/.exec(String(reader.headers['content-location']))?.[1] ?? '';
const spoken = (messages: ChatMessage[]) =>
  messages.map(({ role, content, status }) => [role, content, status]);

/** A conversation with a reply that runs until its gate is opened. */
async function busy() {
  const { id } = await alice.conversation();
  const gate = hold();
  model.script(reply(['One', gate, ' more']));
  const running = await (await post(id, 'First')).count(2);
  return { id, gate, running };
}

describe('a turn while a reply runs', () => {
  it('is refused unless it says otherwise, and by a word that is none', async () => {
    const { id, gate, running } = await busy();
    for (const on_busy of [undefined, 'reject']) {
      const answer = await alice.post(`/chat/${id}`, { content: 'Second', on_busy });
      expect([answer.status, answer.body.code]).toEqual([409, 'reply_in_progress']);
    }
    const wrong = await alice.post(`/chat/${id}`, { content: 'Second', on_busy: 'wait' });
    expect([wrong.status, wrong.body.errors?.[0]?.path]).toEqual([400, 'on_busy']);
    gate.release();
    await running.done();
    expect(await alice.history(id)).toHaveLength(2);
  });
});

describe('turns that come in the same moment', () => {
  it('begin one reply, and the others are refused', async () => {
    for (let round = 0; round < 20; round++) {
      const { id } = await alice.conversation();
      const gate = hold();
      model.otherwise(reply(['One', gate]));
      const readers = await Promise.all(Array.from({ length: 5 }, (_, n) => post(id, `P${n}`)));
      gate.release();
      await Promise.all(readers.map((reader) => reader.done()));
      const refused = readers.filter(({ status }) => status !== 200);
      const problems = await Promise.all(refused.map((reader) => reader.problem()));
      expect(problems.map(({ status, code }) => `${String(status)} ${String(code)}`)).toEqual(
        Array<string>(4).fill('409 reply_in_progress'),
      );
      expect(await alice.history(id)).toHaveLength(2);
    }
  });
});

describe('on_busy: queue', () => {
  it('stores the message at once, shows it in the conversation, and replies in order with what was said before', async () => {
    const { id, gate, running } = await busy();
    model.script(reply('Two.'), reply('Three.'));
    const second = await post(id, 'Second', 'queue');
    const third = await post(id, 'Third', 'queue');
    expect(spoken(await alice.history(id)).slice(1)).toEqual([
      ['assistant', '', 'streaming'],
      ['user', 'Second', 'completed'],
      ['assistant', '', 'queued'],
      ['user', 'Third', 'completed'],
      ['assistant', '', 'queued'],
    ]);
    expect([second.events, third.events]).toEqual([[], []]);
    expect(model.requests).toHaveLength(1);
    // The sweeper would start them as well, 2.5 s later.
    const sweep = vi.spyOn(t.app.get(TurnQueue), 'sweep').mockResolvedValue();
    gate.release();
    await Promise.all([running, second, third].map((reader) => reader.done()));
    sweep.mockRestore();
    expect([running, second, third].map((reader) => reader.end.full_text)).toEqual([
      'One more',
      'Two.',
      'Three.',
    ]);
    expect(second.messageId).toBe(replyOf(second));
    expect(model.requests[2].body.messages.map(({ content }) => content)).toEqual([
      'First',
      'One more',
      'Second',
      'Two.',
      'Third',
    ]);
    expect((await alice.history(id)).every(({ status }) => status === 'completed')).toBe(true);
  });

  it('runs at once in a conversation that is not busy', async () => {
    const { id } = await alice.conversation();
    model.script(reply('At once.'));
    expect((await (await post(id, 'Hi', 'queue')).done()).end.full_text).toBe('At once.');
  });

  it('can be waited for, followed by its id, and seen in the feed', async () => {
    const { id, gate, running } = await busy();
    model.script(reply('Two.'));
    const waiting = alice.say(id, 'Second', { on_busy: 'queue' });
    let queued: ChatMessage | undefined;
    while (!queued) queued = (await alice.history(id)).find(({ status }) => status === 'queued');
    const follower = await alice.follow(queued.id);
    const feed = await alice.feed(id);
    gate.release();
    await running.done();
    expect((await waiting).response).toBe('Two.');
    expect((await follower.done()).end.full_text).toBe('Two.');
    await feed.until(() => feed.events.filter(({ type }) => type === 'end').length === 2);
    expect(feed.events.filter(({ type }) => type === 'start')).toHaveLength(2);
    feed.close();
  });

  it('goes on after a reply that was stopped or that failed', async () => {
    for (const end of ['stop', 'fail'] as const) {
      const { id, gate, running } = await busy();
      model.script(reply('Next.'));
      const next = await post(id, 'Second', 'queue');
      if (end === 'stop') {
        const { body } = await alice.post<ChatMessage>(`/chat/${id}/stop`);
        expect([body.id, body.status]).toEqual([running.messageId, 'stopped']);
      } else {
        for (const request of model.requests) if (!request.isClosed) model.reset();
        model.otherwise(reply('Next.'));
      }
      expect((await next.done()).end.full_text).toBe('Next.');
      gate.release();
      await running.done();
      model.reset();
    }
  });

  it('can be cancelled: what was said stays, the model is not asked, and the next one follows', async () => {
    const { id, gate, running } = await busy();
    model.script(reply('Three.'));
    const second = await post(id, 'Second', 'queue');
    const third = await post(id, 'Third', 'queue');
    const other = await t.client('bob').post(`/messages/${replyOf(second)}/stop`);
    expect(other.status).toBe(404);
    for (let times = 0; times < 2; times++) {
      const { status, body } = await alice.post<ChatMessage>(`/messages/${replyOf(second)}/stop`);
      expect([status, body.status, body.content]).toEqual([200, 'stopped', '']);
    }
    await second.done();
    expect(second.events.map(({ type }) => type)).toEqual(['start', 'end']);
    expect(second.end.finish_reason).toBe('stopped');
    gate.release();
    await running.done();
    expect((await third.done()).end.full_text).toBe('Three.');
    expect(model.requests).toHaveLength(2);
    expect(model.requests[1].body.messages.map(({ content }) => content)).toEqual([
      'First',
      'One more',
      // Nobody has answered it, and strict providers refuse two messages of a user in a row.
      'Second\n\nThird',
    ]);
  });

  it('goes before a turn that does not wait, also in the moment between two replies', async () => {
    const { id, gate, running } = await busy();
    model.script(reply('Two.'));
    const second = await post(id, 'Second', 'queue');
    const third = await post(id, 'Third', 'queue');
    await alice.post(`/messages/${replyOf(third)}/stop`);
    await t.app.get(DataSource).query(
      `WITH closed AS (DELETE FROM open_replies WHERE message_id = $1 RETURNING message_id)
         UPDATE messages SET status = 'completed' FROM closed WHERE id = closed.message_id`,
      [running.messageId],
    );
    const answer = await alice.post(`/chat/${id}`, { content: 'Fourth' });
    expect([answer.status, answer.body.code]).toEqual([409, 'reply_in_progress']);
    gate.release();
    expect((await second.done()).end.full_text).toBe('Two.');
  });

  it('makes one turn for one idempotency key, also while it waits', async () => {
    const { id, gate, running } = await busy();
    model.script(reply('Two.'));
    const key = { 'Idempotency-Key': 'queued-once' };
    const readers = await Promise.all(Array.from({ length: 10 }, () => post(id, 'Second', 'queue', key)));
    gate.release();
    await Promise.all([running, ...readers].map((reader) => reader.done()));
    expect(new Set(readers.map((reader) => reader.messageId)).size).toBe(1);
    expect(await alice.history(id)).toHaveLength(4);
    expect(model.requests).toHaveLength(2);
  });

  it('takes twenty messages ahead and refuses the next one', async () => {
    const { id, gate, running } = await busy();
    const readers = await Promise.all(Array.from({ length: 20 }, (_, n) => post(id, `Q${n}`, 'queue')));
    const answer = await alice.post(`/chat/${id}`, { content: 'Too much', on_busy: 'queue' });
    expect([answer.status, answer.body.code]).toEqual([409, 'queue_full']);
    gate.release();
    await Promise.all([running, ...readers].map((reader) => reader.done()));
    expect(await alice.history(id)).toHaveLength(42);
  });

  it('keeps its settings, and goes on with a reply as continue does', async () => {
    const { id } = await alice.conversation();
    model.script(reply(['Half', hold()]));
    const cut = await (await post(id, 'First')).count(2);
    await alice.post(`/chat/${id}/stop`);
    const gate = hold();
    model.script(reply(['Other', gate]), reply(' a loaf.'));
    const running = await (await alice.open('POST', `/messages/${cut.messageId}/regenerate`)).count(2);
    const options = { on_busy: 'queue', settings: { temperature: 0.25 } };
    const more = await alice.open('POST', `/messages/${cut.messageId}/continue`, options);
    gate.release();
    await running.done();
    expect((await more.done()).end.full_text).toBe('Half a loaf.');
    expect(model.requests.at(-1)?.body).toMatchObject({ temperature: 0.25 });
  });

  it('ends with its conversation', async () => {
    const { id, running } = await busy();
    const second = await post(id, 'Second', 'queue');
    expect((await alice.delete(`/conversations/${id}`)).status).toBe(204);
    await Promise.all([running.done(), second.done()]);
    expect(second.events).toMatchObject([{ type: 'error', data: { code: 'conversation_deleted' } }]);
  });

  it('cannot be forked, rated or continued before its turn', async () => {
    const { id, gate, running } = await busy();
    const second = await post(id, 'Second', 'queue');
    const message_id = replyOf(second);
    const [fork, user, rating, more] = await Promise.all([
      alice.post(`/conversations/${id}/fork`),
      alice.post(`/conversations/${id}/fork`, { message_id: (await alice.message(message_id)).parent_id }),
      alice.post('/feedback', { message_id, rating: 3 }),
      alice.post(`/messages/${message_id}/continue`),
    ]);
    expect([fork, user, rating, more].map(({ status }) => status)).toEqual([409, 409, 409, 409]);
    gate.release();
    await Promise.all([running.done(), second.done()]);
  });
});

describe('on_busy: interrupt', () => {
  it('stops what runs, cancels what waits, and replies with all of it in view', async () => {
    const { id, running } = await busy();
    const second = await post(id, 'Second', 'queue');
    model.script(reply('Now this.'));
    const third = await (await post(id, 'Third', 'interrupt')).done();
    expect(third.end.full_text).toBe('Now this.');
    await Promise.all([running.done(), second.done()]);
    expect([running.end, second.end].map(({ finish_reason }) => finish_reason)).toEqual([
      'stopped',
      'stopped',
    ]);
    expect(spoken(await alice.history(id))).toEqual([
      ['user', 'First', 'completed'],
      ['assistant', 'One', 'stopped'],
      ['user', 'Second', 'completed'],
      ['assistant', '', 'stopped'],
      ['user', 'Third', 'completed'],
      ['assistant', 'Now this.', 'completed'],
    ]);
    expect(model.requests.at(-1)?.body.messages.map(({ content }) => content)).toEqual([
      'First',
      'One',
      'Second\n\nThird',
    ]);
  });

  it('regenerates a reply that is still running', async () => {
    const { id, running } = await busy();
    model.script(reply('Better.'));
    const options = { on_busy: 'interrupt' };
    const better = await alice.open('POST', `/messages/${running.messageId}/regenerate`, options);
    expect((await better.done()).end.full_text).toBe('Better.');
    expect(spoken(await alice.history(id))).toEqual([
      ['user', 'First', 'completed'],
      ['assistant', 'Better.', 'completed'],
    ]);
  });

  it('refuses what can be refused without stopping anything', async () => {
    const { id, gate, running } = await busy();
    const answer = await alice.post(`/chat/${id}`, { content: 'x', on_busy: 'interrupt', model: 'none' });
    expect(answer.status).toBe(400);
    gate.release();
    expect((await running.done()).end.full_text).toBe('One more');
  });

  it('leaves one reply running when many interrupt at once', async () => {
    const { id, running } = await busy();
    const readers = await Promise.all(Array.from({ length: 5 }, (_, n) => post(id, `I${n}`, 'interrupt')));
    const begun = readers.filter((reader) => reader.status === 200);
    await Promise.all([running, ...begun].map((reader) => reader.done()));
    expect(begun.length).toBeGreaterThan(0);
    const history = await alice.history(id);
    expect(history).toHaveLength(2 + 2 * begun.length);
    expect(history.some(({ status }) => status === 'streaming' || status === 'queued')).toBe(false);
  });
});

it('a queue survives a restart: what waited is replied to then', async () => {
  const database = await createTestDatabase();
  const first = await createTestApp({ env: { ...model.env, SHUTDOWN_GRACE_S: '0' }, database });
  const before = ApiClient.of(first.url, 'alice');
  const { id } = await before.conversation();
  model.script(reply(['One', hold()]), reply('Two.'));
  const running = await (await before.stream(id, 'First')).count(2);
  const second = await before.open('POST', `/chat/${id}/stream`, { content: 'Second', on_busy: 'queue' });
  await first.close();
  await Promise.all([running.done(), second.done()]);
  expect(running.last).toMatchObject({ type: 'error', data: { code: 'interrupted' } });
  expect(second.events).toEqual([]);

  const again = await createTestApp({ env: model.env, database });
  const after = ApiClient.of(again.url, 'alice');
  expect((await (await after.follow(replyOf(second))).done()).end.full_text).toBe('Two.');
  expect(spoken(await after.history(id)).map(([, , status]) => status)).toEqual([
    'completed',
    'interrupted',
    'completed',
    'completed',
  ]);
  await again.close();
  await database.close();
});
