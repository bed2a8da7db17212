import type { Feedback, Page } from '../../support/api-client';
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
      { message_id: message.id, conversation_id, rating: 1, comment: 'Bad' },
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
});
