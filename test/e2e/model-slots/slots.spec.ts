import { DataSource } from 'typeorm';
import { TurnQueue } from '../../../src/turns/queue/turn-queue';
import { ApiClient, type ChatMessage } from '../../support/api-client';
import { createTestApp, type RunningApp } from '../../support/create-test-app';
import { useChatApp } from '../../support/use-chat-app';
import { echo, failure, reply } from '../../support/model-server/behaviours';
import type { Behaviour } from '../../support/model-server/exchange';
import { hold, type Gate } from '../../support/model-server/gate';
import { modelsEnv } from '../../support/models-file';
import { SocketClient } from '../../support/socket-client';
import type { SseReader } from '../../support/sse-reader';
import { createTestDatabase } from '../../support/test-database';
import { until } from '../../support/until';

const MODELS = [
  '{id: free}',
  '{id: one, max_concurrent: 1}',
  '{id: three, max_concurrent: 3}',
  '{id: broken, fallbacks: [one]}',
  '{id: broken-too, fallbacks: [one, free]}',
  '{id: p/m, name: m, max_concurrent: 1}',
];

const t = useChatApp((server) => ({ ...modelsEnv(server, ...MODELS), PROVIDER_ALLOWED_HOSTS: '127.0.0.1' }), {
  own: 'has models of its own',
});
const { model } = t;
let users = 0;

beforeEach(() => model.reset());
afterEach(async () => {
  // Nothing that a test leaves behind holds a slot.
  await until(async () => (await open()) === 0);
  expect(model.faults).toEqual([]);
});

/** Somebody of whom the queue knows nothing. */
const somebody = (app: RunningApp = t) => ApiClient.of(app.url, `user-${++users}`);
const start = (user: ApiClient, content: string, more: object = {}) =>
  user.open('POST', '/chat', { content, model: 'one', ...more });
const post = (user: ApiClient, id: string, content: string, more: object = {}) =>
  user.open('POST', `/chat/${id}/stream`, { content, model: 'one', ...more });
const replyOf = (reader: SseReader) =>
  /^\/api\/v1\/messages\/([^/]+)\/stream$/.exec(String(reader.headers['content-location']))?.[1] ?? '';
const cancel = (user: ApiClient, reader: SseReader) =>
  user.post<ChatMessage>(`/messages/${replyOf(reader)}/stop`);
const done = (readers: SseReader[]) => Promise.all(readers.map((reader) => reader.done()));
const texts = (readers: SseReader[]) => readers.map((reader) => reader.end.full_text);
/** What was asked of the model, in order. */
const asked = () => model.requests.map(({ body }) => body.messages.at(-1)?.content);
const reads = async (user: ApiClient, reader: SseReader) => {
  const { status, queue_position } = await user.message(replyOf(reader));
  return [status, queue_position];
};

async function open(): Promise<number> {
  const rows: { open: number }[] = await t.app
    .get(DataSource)
    .query(`SELECT count(*)::int AS open FROM messages WHERE status IN ('queued', 'streaming')`);
  return rows[0].open;
}

/** Counts how many requests the model server answers at once. The first ones wait until there are `expected`. */
function counted(expected: number, behaviour: Behaviour): { behaviour: Behaviour; most: () => number } {
  const reached = Promise.withResolvers<void>();
  let running = 0;
  let most = 0;
  return {
    most: () => most,
    behaviour: async (exchange) => {
      most = Math.max(most, ++running);
      if (most >= expected) reached.resolve();
      try {
        await Promise.race([reached.promise, exchange.request.closed]);
        await behaviour(exchange);
      } finally {
        running--;
      }
    },
  };
}

/** A reply of the model that runs until its gate is opened. */
async function occupy(
  modelId = 'one',
  user = somebody(),
): Promise<{ gate: Gate; running: SseReader; user: ApiClient }> {
  const gate = hold();
  model.script(reply(['First', gate]));
  const running = await (await start(user, 'Occupy', { model: modelId })).count(2);
  return { gate, running, user };
}

describe('max_concurrent', () => {
  it('is never exceeded by fifty turns of five users at once, and all of them are replied to', async () => {
    const { behaviour, most } = counted(3, echo({ delayMs: 5 }));
    model.otherwise(behaviour);
    const turns = Array.from({ length: 5 }, () => somebody()).flatMap((user) =>
      Array.from({ length: 10 }, async (_, n) => {
        const content = `Turn ${n}`;
        if (n % 2) return (await (await start(user, content, { model: 'three' })).done()).end.full_text;
        const { id } = await user.conversation({ model: 'three' });
        return (await user.say(id, content)).response;
      }),
    );
    const answers = await Promise.all(turns);
    expect(answers).toEqual(answers.map((_, index) => `Turn ${index % 10}`));
    expect(most()).toBe(3);
  });

  it('is none of other models, and turns wait only while it is reached', async () => {
    const { gate, running } = await occupy();
    const waiting = await start(somebody(), 'Later');
    const other = await (await start(somebody(), 'Free', { model: 'free' })).done();
    expect([other.status, other.notices, other.events[0].type]).toEqual([200, [], 'start']);
    expect(model.requests).toHaveLength(2);
    gate.release();
    await done([running, waiting]);
    const { events, notices } = await (await start(somebody(), 'At once')).done();
    expect([notices, events[0].type]).toEqual([[], 'start']);
  });

  it('lets users take turns, whoever has how many that wait, and each of them in order', async () => {
    const { gate, running } = await occupy();
    model.otherwise(echo());
    const [ann, ben, cat] = [somebody(), somebody(), somebody()];
    const waiting: SseReader[] = [];
    for (let n = 0; n < 4; n++) waiting.push(await start(ann, `ann ${n}`));
    waiting.push(await start(ben, 'ben 0'), await start(cat, 'cat 0'), await start(cat, 'cat 1'));
    const positions = await Promise.all(
      waiting.map(async (reader, index) => reads(index < 4 ? ann : index === 4 ? ben : cat, reader)),
    );
    expect(positions).toEqual([1, 4, 6, 7, 2, 3, 5].map((position) => ['queued', position]));
    // It would start them as well, but only 2.5 s later.
    const sweep = vi.spyOn(t.app.get(TurnQueue), 'sweep').mockResolvedValue();
    gate.release();
    await done([running, ...waiting]);
    sweep.mockRestore();
    expect(asked().slice(1)).toEqual(['ann 0', 'ben 0', 'cat 0', 'ann 1', 'cat 1', 'ann 2', 'ann 3']);
  });

  it('gives the slot to who has fewest running replies', async () => {
    const user = somebody();
    const held = [await occupy('three', user), await occupy('three', user), await occupy('three')];
    model.otherwise(echo());
    // Of both it is known that a slot was given: to the one with two running replies longer ago.
    const first = await start(user, 'has two', { model: 'three' });
    const second = await start(held[2].user, 'has none', { model: 'three' });
    held[2].gate.release();
    await second.done();
    held[0].gate.release();
    held[1].gate.release();
    await done([first, ...held.map(({ running }) => running)]);
    expect(asked().slice(3)).toEqual(['has none', 'has two']);
  });

  it('holds back nobody behind a reply that waits for its own conversation', async () => {
    const busy = somebody();
    const { id } = await busy.conversation();
    const gate = hold();
    model.script(reply(['Elsewhere', gate]));
    const elsewhere = await (await post(busy, id, 'Run', { model: 'free' })).count(2);
    const { gate: slot, running } = await occupy();
    model.otherwise(echo());
    const behind = await post(busy, id, 'Behind', { on_busy: 'queue' });
    const user = somebody();
    const next = await start(user, 'Next');
    expect([await reads(busy, behind), await reads(user, next)]).toEqual([
      ['queued', undefined],
      ['queued', 1],
    ]);
    slot.release();
    await done([running, next]);
    expect(behind.notices).toEqual([]);
    gate.release();
    await done([elsewhere, behind]);
    expect(texts([next, behind])).toEqual(['Next', 'Behind']);
  });
});

describe('a reply that waits', () => {
  it('is in the conversation with its place, also in a new one, and tells its readers whenever that changes', async () => {
    const { gate, running } = await occupy();
    model.otherwise(echo());
    const user = somebody();
    const first = await start(user, 'First');
    const second = await start(user, 'Second');
    const follower = await user.follow(replyOf(second));
    const socket = await SocketClient.of(t.url, `user-${users}`);
    socket.send({ type: 'follow', request_id: 'f', message_id: replyOf(second) });
    const { conversation_id } = await user.message(replyOf(second));
    const feed = await user.feed(conversation_id);
    await Promise.all(
      [first, second, follower, feed].map((reader) => reader.until(() => reader.places.length > 0)),
    );
    await socket.until(() => socket.frames.length > 0);
    expect([first, second, follower, feed].map(({ places }) => places)).toEqual([[1], [2], [2], [2]]);
    expect(second.raw.replaceAll(': ping\n', '')).toBe(
      `data: {"type":"queued","data":{"message_id":"${replyOf(second)}","position":2}}\n\n`,
    );
    expect(socket.raw).toEqual([
      `{"type":"queued","data":{"message_id":"${replyOf(second)}","position":2},"request_id":"f"}`,
    ]);
    expect(
      (await user.history(conversation_id)).map((message) => [
        message.content,
        message.status,
        message.queue_position,
      ]),
    ).toEqual([
      ['Second', 'completed', undefined],
      ['', 'queued', 2],
    ]);
    await cancel(user, first);
    await second.until(() => second.places.length > 1);
    gate.release();
    await done([running, first, second, follower]);
    expect(second.places).toEqual([2, 1]);
    expect(second.ids[0]).toBe(`${replyOf(second)}:1`);
    expect(second.end.full_text).toBe('Second');
    await feed.until(() => feed.events.at(-1)?.type === 'end');
    await socket.reply('f');
    feed.close();
    await socket.close();
    expect(Object.keys(await user.message(replyOf(second)))).not.toContain('queue_position');
    expect((await user.follow(replyOf(second), { 'Last-Event-ID': second.ids[0] })).status).toBe(200);
  });

  it('can be cancelled by its id, by its conversation and with it, without the model being asked', async () => {
    const { gate, running } = await occupy();
    const user = somebody();
    const [byId, byChat, deleted, last] = [
      await start(user, '1'),
      await start(user, '2'),
      await start(user, '3'),
      await start(user, '4'),
    ];
    expect((await somebody().post(`/messages/${replyOf(byId)}/stop`)).status).toBe(404);
    expect((await cancel(user, byId)).body).toMatchObject({ status: 'stopped', content: '' });
    const chat = (await user.message(replyOf(byChat))).conversation_id;
    const stopped = await user.post<ChatMessage>(`/chat/${chat}/stop`);
    expect([stopped.body.id, stopped.body.status]).toEqual([replyOf(byChat), 'stopped']);
    const { conversation_id } = await user.message(replyOf(deleted));
    expect((await user.delete(`/conversations/${conversation_id}`)).status).toBe(204);
    await done([byId, byChat, deleted]);
    expect([byId, byChat].map(({ end }) => end.finish_reason)).toEqual(['stopped', 'stopped']);
    expect(deleted.last).toMatchObject({ type: 'error', data: { code: 'conversation_deleted' } });
    expect(await reads(user, last)).toEqual(['queued', 1]);
    gate.release();
    await done([running, last]);
    expect(asked()).toEqual(['Occupy', '4']);
  });

  it('is as a running one for further turns of its conversation', async () => {
    const { gate, running } = await occupy();
    model.otherwise(echo());
    const user = somebody();
    const { id } = await user.conversation({ model: 'one' });
    const first = await post(user, id, 'First');
    const refused = await user.post(`/chat/${id}`, { content: 'Refused' });
    expect([refused.status, refused.body.code]).toEqual([409, 'reply_in_progress']);
    const second = await post(user, id, 'Second', { on_busy: 'queue' });
    const other = await post(user, id, 'Of another model', { on_busy: 'queue', model: 'free' });
    expect([await reads(user, first), await reads(user, second)]).toEqual([
      ['queued', 1],
      ['queued', undefined],
    ]);
    gate.release();
    await done([running, first, second, other]);
    expect(asked()).toEqual(['Occupy', 'First', 'Second', 'Of another model']);

    const again = await occupy();
    const third = await post(user, id, 'Third');
    const fourth = await post(user, id, 'Fourth', { on_busy: 'interrupt' });
    await third.done();
    expect(third.end.finish_reason).toBe('stopped');
    again.gate.release();
    await done([again.running, fourth]);
    // What was said without an answer is sent as well.
    expect(fourth.end.full_text).toBe('Third\n\nFourth');
    expect((await user.history(id)).some(({ status }) => status === 'queued')).toBe(false);
  });

  it('waits the same way to be edited, regenerated and continued', async () => {
    const user = somebody();
    const { id } = await user.conversation({ model: 'one' });
    model.script(reply(['Half', hold()]));
    const cut = await (await post(user, id, 'Say it')).count(2);
    await cancel(user, cut);
    await cut.done();
    const { gate, running } = await occupy();
    const act = async (path: string, body: object, answer: string) => {
      model.script(reply(answer));
      const reader = await user.open('POST', path, { model: 'one', ...body });
      expect(await reads(user, reader)).toEqual(['queued', 1]);
      return reader;
    };
    const continued = await act(`/messages/${cut.messageId}/continue`, {}, ' a loaf.');
    gate.release();
    await done([running, continued]);
    expect(continued.end.full_text).toBe('Half a loaf.');
    for (const [path, body] of [
      [`/messages/${cut.messageId}/regenerate`, { settings: { temperature: 0.25 } }],
      [`/messages/${(await user.message(cut.messageId)).parent_id}/edit`, { content: 'Edited' }],
    ] as const) {
      const held = await occupy();
      const reader = await act(path, body, 'Whole.');
      held.gate.release();
      await done([held.running, reader]);
      expect(reader.end.full_text).toBe('Whole.');
    }
    expect(model.requests.at(-3)?.body.temperature).toBe(0.25);
  });

  it('is cancelled when its user is locked out, and holds back nobody', async () => {
    const { gate, running } = await occupy();
    const first = await start(somebody(), 'Locked out');
    const locked = `user-${users}`;
    const next = await start(somebody(), 'Next');
    const setActive = (isActive: boolean) =>
      t.app.get(DataSource).query('UPDATE users SET is_active = $2 WHERE id = $1', [locked, isActive]);
    await setActive(false);
    gate.release();
    await done([running, next, first]);
    expect(asked()).toEqual(['Occupy', 'Next']);
    await setActive(true);
  });

  it('is one turn for one idempotency key', async () => {
    const { gate, running } = await occupy();
    const user = somebody();
    const key = { 'Idempotency-Key': 'waits-once' };
    const readers = await Promise.all(
      Array.from({ length: 10 }, () => user.open('POST', '/chat', { content: 'Once', model: 'one' }, key)),
    );
    gate.release();
    await done([running, ...readers]);
    expect(new Set(readers.map(({ messageId }) => messageId)).size).toBe(1);
    expect(asked()).toEqual(['Occupy', 'Once']);
  });

  it('does not keep a request that is refused from being refused', async () => {
    const { gate, running } = await occupy();
    const user = somebody();
    const { id } = await user.conversation({ model: 'one' });
    const answers = [
      await user.post(`/chat/${id}`, { content: ' ' }),
      await user.post(`/chat/${id}`, { content: 'Hi', parent_id: replyOf(running) }),
      await user.post('/chat', { content: 'Hi', model: 'one', parent_id: replyOf(running) }),
      await user.post(`/chat/${replyOf(running)}`, { content: 'Hi', model: 'one' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 404, 404, 404]);
    expect(await user.history(id)).toEqual([]);
    gate.release();
    await running.done();
  });
});

describe('the slot of a reply', () => {
  it('is free when the reply is stopped', async () => {
    const { running, user } = await occupy();
    const next = await start(somebody(), 'Next');
    await user.post(`/messages/${running.messageId}/stop`);
    await done([running, next]);
    expect(next.end.finish_reason).toBe('stop');
  });

  it('is free when the model fails, before or after its first word, and when a turn is refused', async () => {
    for (const fault of [failure(500), failure(400), reply('Cut', { finish: null, done: false })]) {
      model.script(fault);
      expect((await (await start(somebody(), 'Fails')).done()).last.type).toBe('error');
    }
    const user = somebody();
    const { id } = await user.conversation({ model: 'one' });
    expect((await user.post(`/chat/${id}`, { content: 'x', parent_id: id })).status).toBe(404);
    const { notices, end } = await (await start(somebody(), 'Works')).done();
    expect([notices, end.finish_reason]).toEqual([[], 'stop']);
  });

  it('is free when its conversation is deleted', async () => {
    const { running, user } = await occupy();
    const next = await start(somebody(), 'Next');
    const { conversation_id } = await user.message(running.messageId);
    expect((await user.delete(`/conversations/${conversation_id}`)).status).toBe(204);
    await done([running, next]);
    expect(next.end.finish_reason).toBe('stop');
  });

  it('is waited for by those that fall back to the model, together with those that ask for it', async () => {
    const { behaviour, most } = counted(1, echo({ delayMs: 20 }));
    model.otherwise((exchange) =>
      exchange.request.body.model === 'one' ? behaviour(exchange) : failure(503)(exchange),
    );
    const turns = Array.from({ length: 12 }, (_, n) =>
      start(somebody(), `Turn ${n}`, { model: n % 3 ? 'broken' : 'one' }),
    );
    const readers = await done(await Promise.all(turns));
    expect(texts(readers)).toEqual(readers.map((_, n) => `Turn ${n}`));
    expect(most()).toBe(1);
  });

  it('is not waited for where a further fallback may have one', async () => {
    const { gate, running } = await occupy();
    model.script(failure(503), reply('Far.'));
    const far = await (await start(somebody(), 'Hi', { model: 'broken-too' })).done();
    expect(far.end.full_text).toBe('Far.');
    expect(model.requests.map(({ body }) => body.model)).toEqual(['one', 'broken-too', 'free']);
    gate.release();
    await running.done();
  });

  it('is not waited for any more by a fallback whose reply is stopped', async () => {
    const { gate, running } = await occupy();
    model.script(failure(503));
    const user = somebody();
    const falling = await (await start(user, 'Hi', { model: 'broken' })).count(1);
    await model.request(1);
    await cancel(user, falling);
    await falling.done();
    expect(falling.end.finish_reason).toBe('stopped');
    gate.release();
    await running.done();
    expect((await (await start(somebody(), 'Next')).done()).end.finish_reason).toBe('stop');
  });

  it('is not needed for a model of the user’s own that has the same id', async () => {
    const { gate, running } = await occupy('p/m');
    const user = somebody();
    await user.post('/providers', {
      name: 'p',
      base_url: model.url,
      api_key: 'sk-of-somebody-1',
      models: ['m'],
    });
    expect((await (await start(user, 'Mine', { model: 'p/m' })).done()).notices).toEqual([]);
    gate.release();
    await running.done();
  });
});

it('what waits survives a restart, and is begun by the new process', async () => {
  const own = await createTestDatabase();
  const env = modelsEnv(model, ...MODELS);
  const first = await createTestApp({ env: { ...env, SHUTDOWN_GRACE_S: '0' }, database: own });
  const [ann, ben] = [somebody(first), somebody(first)];
  model.script(reply(['One', hold()]));
  const running = await (await start(ann, 'Running')).count(2);
  const waiting = [await start(ann, 'ann 0'), await start(ann, 'ann 1'), await start(ben, 'ben 0')];
  await first.close();
  await done([running, ...waiting]);
  expect(running.last).toMatchObject({ type: 'error', data: { code: 'interrupted' } });
  expect(waiting.flatMap(({ events }) => events)).toEqual([]);

  const { behaviour, most } = counted(1, echo({ delayMs: 20 }));
  model.otherwise(behaviour);
  const again = await createTestApp({ env, database: own });
  const replies = await Promise.all(
    waiting.map(async (reader, index) => {
      const user = ApiClient.of(again.url, `user-${users - (index < 2 ? 1 : 0)}`);
      return (await user.follow(replyOf(reader))).done();
    }),
  );
  expect(texts(replies)).toEqual(['ann 0', 'ann 1', 'ben 0']);
  expect([most(), asked().slice(1)]).toEqual([1, ['ann 0', 'ben 0', 'ann 1']]);
  await again.close();
  await own.close();
});

const severalProcesses = process.env.TEST_DATABASE_URL ? it : it.skip;

severalProcesses('each process has slots of its own, and whichever has one begins what waits', async () => {
  const { gate, running } = await occupy();
  model.otherwise(echo());
  const user = somebody();
  const waiting = [await start(user, 'First'), await start(user, 'Second')];
  const other = await createTestApp({ env: modelsEnv(model, ...MODELS), database: t.database });
  await done(waiting);
  expect(texts(waiting)).toEqual(['First', 'Second']);
  gate.release();
  await running.done();
  await other.close();
});
