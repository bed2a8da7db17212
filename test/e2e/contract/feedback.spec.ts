import type { ChatMessage, ConversationDetail, Feedback, Page, Turn } from '../../support/api-client';
import { useChatApp } from '../../support/use-chat-app';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';

const t = useChatApp();
const { model: server } = t;
const alice = t.client('alice');

/** A message to give feedback on. */
async function replied(user = alice) {
  const { id } = await user.conversation();
  return user.say(id, 'Hi');
}

const give = (body: object, user = alice) => user.post<Feedback>('/feedback', body);
const list = async (query: string, user = alice) =>
  (await user.get<Page<Feedback>>(`/feedback${query}`)).body.data;

describe('POST /feedback', () => {
  it('is 201 the first time and replaces it with 200 later', async () => {
    const { message, conversation_id } = await replied();
    const first = await give({ message_id: message.id, rating: 1, comment: 'Bad' });
    expect([first.status, first.body]).toMatchObject([
      201,
      { message_id: message.id, conversation_id, rating: 1, comment: 'Bad', tags: [] },
    ]);
    const second = await give({ message_id: message.id, rating: 5 });
    expect([second.status, second.body]).toMatchObject([
      200,
      { id: first.body.id, rating: 5, comment: null },
    ]);
    expect(await list(`?message_id=${message.id}`)).toEqual([second.body]);
  });

  it('given many times at once is one', async () => {
    const { message } = await replied();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => give({ message_id: message.id, rating: 1 + (i % 5) })),
    );
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([
      ...Array.from({ length: 9 }, () => 200),
      201,
    ]);
    expect(await list(`?message_id=${message.id}`)).toHaveLength(1);
  });

  it.each([0, 6, -1, 1.5, '5', null, true, [5], undefined])('does not take the rating %j', async (rating) => {
    const { message } = await replied();
    const { status, text } = await give({ message_id: message.id, rating });
    expect([status, text]).toEqual([400, expect.stringContaining('"path":"rating"')]);
    expect(await list(`?message_id=${message.id}`)).toEqual([]);
  });

  it('has up to ten tags, each once', async () => {
    const { message } = await replied();
    const many = Array.from({ length: 10 }, (_, i) => `${i}`.repeat(64));
    const given = await give({ message_id: message.id, rating: 4, tags: many });
    expect([given.status, given.body.tags]).toEqual([201, many]);
    const again = await give({ message_id: message.id, rating: 4, tags: ['b', 'a', 'b', '世界 👍'] });
    expect([again.status, again.body.tags]).toEqual([200, ['b', 'a', '世界 👍']]);
    expect((await give({ message_id: message.id, rating: 4, tags: null })).body.tags).toEqual([]);
  });

  it.each([
    ['eleven', Array.from({ length: 11 }, (_, i) => `tag${i}`)],
    ['one that is too long', ['x'.repeat(65)]],
    ['an empty one', ['']],
    ['a blank one', [' ']],
    ['a number', [1]],
    ['no list', 'tag'],
    ['null inside', [null]],
  ])('does not take %s as tags', async (_what, tags) => {
    const { message } = await replied();
    const { status, text } = await give({ message_id: message.id, rating: 3, tags });
    expect([status, text]).toEqual([400, expect.stringContaining('"path":"tags"')]);
    expect(await list(`?message_id=${message.id}`)).toEqual([]);
  });

  it('is for assistant messages', async () => {
    const { user_message } = await replied();
    const { status } = await alice.post('/feedback', { message_id: user_message.id, rating: 3 });
    expect(status).toBe(400);
    expect(await list(`?message_id=${user_message.id}`)).toEqual([]);
  });

  it('waits for the end of the reply', async () => {
    const { id } = await alice.conversation();
    const gate = hold();
    server.script(reply([gate, 'x']));
    const reader = await (await alice.stream(id, 'Hi')).count(1);
    const { status } = await give({ message_id: reader.messageId, rating: 3 });
    expect(status).toBe(409);
    gate.release();
    await reader.done();
    expect((await give({ message_id: reader.messageId, rating: 3 })).status).toBe(201);
  });
});

describe('messages', () => {
  it("carry the caller's own feedback wherever they are shown", async () => {
    const { message, user_message, conversation_id } = await replied();
    expect([message.feedback, user_message.feedback]).toEqual([null, null]);
    const { body } = await give({
      message_id: message.id,
      rating: 2,
      comment: 'Hm',
      tags: ['slow', 'wrong'],
    });
    const feedback = { id: body.id, rating: 2, comment: 'Hm', tags: ['slow', 'wrong'] };
    const shown = async (path: string) => {
      const { body: page } = await alice.get<Page<ChatMessage> & ConversationDetail>(path);
      return (page.data ?? page.messages).map(({ id, feedback: given }) => [id, given]);
    };
    const path = [
      [user_message.id, null],
      [message.id, feedback],
    ];
    expect(await shown(`/conversations/${conversation_id}`)).toEqual(path);
    expect(await shown(`/conversations/${conversation_id}/messages`)).toEqual(path);
    expect(await shown(`/conversations/${conversation_id}/path?message_id=${user_message.id}`)).toEqual(path);
    expect(await shown(`/chat/${conversation_id}/history`)).toEqual(path);
    expect((await alice.message(message.id)).feedback).toEqual(feedback);
    const stopped = await alice.post<ChatMessage>(`/messages/${message.id}/stop`);
    expect(stopped.body.feedback).toEqual(feedback);
    await (await alice.open('POST', `/messages/${message.id}/regenerate`)).done();
    const versions = await shown(`/messages/${message.id}/versions`);
    expect(versions).toEqual([
      [message.id, feedback],
      [expect.any(String), null],
    ]);
    await alice.patch(`/feedback/${body.id}`, { tags: [], comment: null });
    expect((await alice.message(message.id)).feedback).toEqual({ ...feedback, comment: null, tags: [] });
    await alice.delete(`/feedback/${body.id}`);
    expect((await alice.message(message.id)).feedback).toBeNull();
  });

  it('carry it in the answer to a turn that is repeated', async () => {
    const { id } = await alice.conversation();
    const send = () =>
      alice.post<Turn>(`/chat/${id}`, { content: 'Hi' }, { 'idempotency-key': `once-${id}` });
    const { message } = (await send()).body;
    await give({ message_id: message.id, rating: 5 });
    expect((await send()).body.message).toMatchObject({ id: message.id, feedback: { rating: 5 } });
  });
});

describe('feedback', () => {
  it('can be read, changed and taken back', async () => {
    const { message } = await replied();
    const { body: made } = await give({ message_id: message.id, rating: 2, comment: 'Hm' });
    const path = `/feedback/${made.id}`;
    expect((await alice.get<Feedback>(path)).body).toEqual(made);
    expect((await alice.patch<Feedback>(path, { rating: 4 })).body).toMatchObject({
      rating: 4,
      comment: 'Hm',
    });
    expect((await alice.patch<Feedback>(path, { comment: null })).body).toMatchObject({
      rating: 4,
      comment: null,
    });
    expect((await alice.patch<Feedback>(path, { tags: ['b', 'b'] })).body.tags).toEqual(['b']);
    expect((await alice.patch<Feedback>(path, { tags: null })).body).toMatchObject({
      rating: 4,
      tags: ['b'],
    });
    expect((await alice.patch(path, { tags: [''] })).status).toBe(400);
    expect((await alice.patch(path, { rating: 6 })).status).toBe(400);
    expect((await alice.patch(path, { message_id: message.id })).status).toBe(400);
    expect((await alice.get<Feedback>(path)).body).toMatchObject({ rating: 4, comment: null });
    expect((await alice.delete(path)).status).toBe(204);
    expect((await alice.get(path)).status).toBe(404);
    expect((await alice.delete(path)).status).toBe(404);
    expect((await give({ message_id: message.id, rating: 3 })).status).toBe(201);
  });

  it('is filtered by message and by conversation, and paged', async () => {
    const jan = t.client('jan');
    const { id } = await jan.conversation();
    const ids: string[] = [];
    for (let i = 0; i < 7; i += 1) {
      const { message } = await jan.say(id, `${i}`);
      ids.push((await give({ message_id: message.id, rating: 3 }, jan)).body.id);
    }
    const other = await replied(jan);
    const single = (await give({ message_id: other.message.id, rating: 1 }, jan)).body.id;
    expect((await list(`?message_id=${other.message.id}`, jan)).map((each) => each.id)).toEqual([single]);
    const pages = await jan.pages<Feedback>(`/feedback?conversation_id=${id}`, 3);
    expect(pages.map(({ length }) => length)).toEqual([3, 3, 1]);
    expect(
      pages
        .flat()
        .map((each) => each.id)
        .sort(),
    ).toEqual([...ids].sort());
    expect((await jan.pages<Feedback>('/feedback', 3)).flat()).toHaveLength(8);
    const nobodys = '00000000-0000-7000-8000-000000000000';
    expect(await list(`?message_id=${nobodys}`, jan)).toEqual([]);
    expect((await jan.get('/feedback?message_id=x')).status).toBe(400);
  });

  it('is filtered by rating, tag, model and time', async () => {
    const kim = t.client('kim');
    for (const [rating, tags] of [
      [1, ['wrong']],
      [1, []],
      [5, ['wrong', 'fast']],
    ] as const)
      await give({ message_id: (await replied(kim)).message.id, rating, tags }, kim);
    const ratings = async (query: string) => (await list(query, kim)).map(({ rating }) => rating);
    expect(await ratings('?rating=1')).toEqual([1, 1]);
    expect(await ratings('?tag=wrong')).toEqual([5, 1]);
    expect(await ratings('?tag=wrong&rating=1')).toEqual([1]);
    expect(await ratings('?model=nobody')).toEqual([]);
    const { model } = (await replied(kim)).message;
    expect(await ratings(`?model=${model}`)).toEqual([5, 1, 1]);
    const today = new Date().toISOString().slice(0, 10);
    const [{ created_at }] = (await list('?limit=1', kim)) as (Feedback & { created_at: string })[];
    expect(await ratings(`?from=${today}`)).toEqual([5, 1, 1]);
    expect(await ratings(`?to=${today}&tag=fast`)).toEqual([5]);
    expect(await ratings(`?from=${created_at}&to=${created_at}&tag=fast`)).toEqual([5]);
    expect(await ratings('?to=2020-01-01')).toEqual([]);
    expect(await ratings('?from=9999-12-31')).toEqual([]);
    const pages = await kim.pages<Feedback>(`/feedback?from=${today}&tag=wrong`, 1);
    expect(pages.flat().map(({ rating }) => rating)).toEqual([5, 1]);
    for (const query of [
      'rating=6',
      'rating=x',
      'tag=',
      'model=',
      'from=x',
      'from=2026-02-30',
      'to=1999-12-31',
      'from=2026-01-02&to=2026-01-01',
      'all=yes',
    ])
      expect([query, (await kim.get(`/feedback?${query}`)).status]).toEqual([query, 400]);
  });
});
