import { DataSource } from 'typeorm';
import { streamReply } from '../support/chat-client';
import { useChatApp } from '../support/use-chat-app';
import { data, failure, finish, reply, stream, text } from '../support/model-server/behaviours';

interface HistoryItem {
  id: string;
  content: string;
  sibling_count: number;
  sibling_position: number;
}

describe('versions and branches', () => {
  const t = useChatApp();
  const { model } = t;
  let api: string;

  beforeAll(async () => {
    api = `${t.url}/api/v1`;
  });

  const say = (content: string, conversation_id?: string) =>
    streamReply(`${api}/chat`, t.user('alice'), { body: { content, conversation_id } });
  const act = (id: string, action: string, body?: object) =>
    streamReply(`${api}/messages/${id}/${action}`, t.user('alice'), { body });
  const history = async (id: string, query = ''): Promise<HistoryItem[]> =>
    (await t.as('alice').get(`/api/v1/conversations/${id}/messages${query}`).expect(200)).body.data;
  const contents = async (id: string, query = '') =>
    (await history(id, query)).map((message) => message.content);
  const sent = () => model.requests.at(-1)?.body.messages.map(({ role, content }) => `${role}: ${content}`);

  it('regenerates: a sibling that answers the same, while the first version stays', async () => {
    model.script(reply('One.'), reply('Two.'));
    const first = await say('Count.');
    const second = await act(first.messageId, 'regenerate');
    expect(second.text).toBe('Two.');
    expect(second.messageId).not.toBe(first.messageId);
    expect(second.userMessageId).toBe(first.userMessageId);
    expect(sent()).toEqual(['user: Count.']);
    expect(await contents(first.conversationId)).toEqual(['Count.', 'Two.']);
    expect(await contents(first.conversationId, `?leaf=${first.messageId}`)).toEqual(['Count.', 'One.']);
    const [, shown] = await history(first.conversationId);
    expect(shown).toMatchObject({ sibling_count: 2, sibling_position: 2 });
  });

  it('resumes a regenerated reply when the POST is repeated with the id of its last event', async () => {
    model.script(reply('One.'), reply(['T', 'w', 'o.']));
    const first = await say('Count again.');
    const second = await act(first.messageId, 'regenerate');
    const calls = model.requests.length;
    const rest = await streamReply(`${api}/messages/${first.messageId}/regenerate`, t.user('alice'), {
      headers: { 'Last-Event-ID': second.ids[1] },
    });
    expect(rest.ids).toEqual(second.ids.slice(2));
    expect(rest.events).toEqual(second.events.slice(2));
    expect(model.requests.length).toBe(calls);
  });

  it('edits: a branch of its own from the beginning, with the old one intact', async () => {
    model.script(reply('A1.'), reply('A2.'), reply('B1.'), reply('B2.'));
    const a1 = await say('First.');
    const a2 = await say('Second.', a1.conversationId);
    const b1 = await act(a1.userMessageId, 'edit', { content: 'Instead.' });
    expect(sent()).toEqual(['user: Instead.']);
    expect(await contents(a1.conversationId)).toEqual(['Instead.', 'B1.']);
    expect(await contents(a1.conversationId, `?leaf=${a2.messageId}`)).toEqual([
      'First.',
      'A1.',
      'Second.',
      'A2.',
    ]);
    expect((await history(a1.conversationId))[0]).toMatchObject({ sibling_count: 2, sibling_position: 2 });
    await say('On.', b1.conversationId);
    expect(sent()).toEqual(['user: Instead.', 'assistant: B1.', 'user: On.']);
  });

  it('selects a branch, which is then shown and gone on with', async () => {
    model.script(reply('X.'), reply('Y.'), reply('Z.'));
    const x = await say('Q.');
    await act(x.messageId, 'regenerate');
    const selected = await t.as('alice').post(`/api/v1/messages/${x.messageId}/select`).expect(200);
    expect(selected.body.active_message_id).toBe(x.messageId);
    expect(await contents(x.conversationId)).toEqual(['Q.', 'X.']);
    await say('More.', x.conversationId);
    expect(sent()).toEqual(['user: Q.', 'assistant: X.', 'user: More.']);
  });

  it('pages through a path that has many forks, in both directions', async () => {
    model.otherwise(reply('R.'));
    let last = await say('0');
    const { conversationId } = last;
    for (let turn = 1; turn <= 6; turn++) {
      await say(`${turn} dropped`, conversationId);
      last = await streamReply(`${api}/chat`, t.user('alice'), {
        body: { content: `${turn}`, conversation_id: conversationId, parent_id: last.messageId },
      });
    }
    const expected = ['0', '1', '2', '3', '4', '5', '6'].flatMap((said) => [said, 'R.']);
    const pages: string[] = [];
    for (let query = '?limit=3'; query;) {
      const { body } = await t
        .as('alice')
        .get(`/api/v1/conversations/${conversationId}/messages${query}`)
        .expect(200);
      pages.push(...body.data.map((message: HistoryItem) => message.content));
      query = body.next_cursor && `?limit=3&cursor=${body.next_cursor}`;
    }
    expect(pages).toEqual(expected);
    const { body: detail } = await t.as('alice').get(`/api/v1/conversations/${conversationId}`).expect(200);
    expect(detail.messages.map((message: HistoryItem) => message.content)).toEqual(expected);
  });

  it('continues a cut reply: one message with the joined text, the cut one stays', async () => {
    model.script(stream(text('The capi'), finish('length')), reply('tal is Oslo.'));
    const cut = await say('Norway?');
    const whole = await act(cut.messageId, 'continue');
    expect(whole.text).toBe('The capital is Oslo.');
    expect(whole.last).toMatchObject({
      type: 'end',
      data: { full_text: 'The capital is Oslo.', finish_reason: 'stop' },
    });
    expect(sent()?.slice(0, 2)).toEqual(['user: Norway?', 'assistant: The capi']);
    expect(sent()?.[2]).toMatch(/^user: .*cut off/);
    expect(await contents(cut.conversationId)).toEqual(['Norway?', 'The capital is Oslo.']);
    expect(await contents(cut.conversationId, `?leaf=${cut.messageId}`)).toEqual(['Norway?', 'The capi']);
    const replay = await streamReply(`${api}/messages/${whole.messageId}/stream`, t.user('alice'), {
      method: 'GET',
    });
    expect(replay).toEqual(whole);
  });

  it('continues a reply that was cut right behind its last word: nothing is left to be said', async () => {
    model.script(stream(text('Oslo.'), finish('length')), reply(''));
    const cut = await say('Norway?');
    const whole = await act(cut.messageId, 'continue');
    expect(whole.last).toMatchObject({ type: 'end', data: { full_text: 'Oslo.', finish_reason: 'stop' } });
  });

  it.each([
    ['an error in the stream', [data({ error: { message: 'Gone', code: 500 } })]],
    ['a failure word', [finish('error')]],
  ])('continues a reply that failed with a text by %s', async (_, ending) => {
    model.script(stream(text('The capi'), ...ending), reply('tal is Oslo.'));
    const cut = await say('Norway?');
    expect(cut.last.type).toBe('error');
    const whole = await act(cut.messageId, 'continue');
    expect(whole.last).toMatchObject({ type: 'end', data: { full_text: 'The capital is Oslo.' } });
  });

  it('does not continue a reply that failed without a text', async () => {
    model.script(failure(400));
    const failed = await say('Norway?');
    const { body } = await t
      .as('alice')
      .post(`/api/v1/messages/${failed.messageId}/continue`)
      .send({})
      .expect(409);
    expect(body.code).toBe('reply_complete');
  });

  it('refuses to continue what is complete, to edit a reply and to regenerate what a user said', async () => {
    model.script(reply('Done.'));
    const done = await say('Do.');
    const post = (id: string, action: string, body = {}) =>
      t.as('alice').post(`/api/v1/messages/${id}/${action}`).send(body);
    expect((await post(done.messageId, 'continue').expect(409)).body.code).toBe('reply_complete');
    expect((await post(done.messageId, 'edit', { content: 'x' }).expect(400)).body.code).toBe(
      'not_a_user_message',
    );
    expect((await post(done.userMessageId, 'regenerate').expect(404)).body.code).toBe('message_not_found');
    expect((await post(done.userMessageId, 'edit', {}).expect(400)).body.code).toBe('validation_failed');
  });

  it('forks a path into a conversation of its own', async () => {
    model.script(reply('F1.'), reply('F2.'), reply('F3.'));
    const one = await say('One?');
    await say('Two?', one.conversationId);
    const fork = await t
      .as('alice')
      .post(`/api/v1/conversations/${one.conversationId}/fork`)
      .send({ message_id: one.messageId })
      .expect(201);
    expect(fork.body.title).toBe('One?');
    expect(await contents(fork.body.id)).toEqual(['One?', 'F1.']);
    await say('Other?', fork.body.id);
    expect(sent()).toEqual(['user: One?', 'assistant: F1.', 'user: Other?']);
    expect(await contents(one.conversationId)).toEqual(['One?', 'F1.', 'Two?', 'F2.']);
    const whole = await t.as('alice').post(`/api/v1/conversations/${one.conversationId}/fork`).expect(201);
    expect(await contents(whole.body.id)).toEqual(['One?', 'F1.', 'Two?', 'F2.']);
  });

  it('forks what the model is not shown any more as that, wherever the path ends', async () => {
    model.otherwise(reply('R.'));
    const one = await say('One?');
    const other = await act(one.userMessageId, 'edit', { content: 'Another one?' });
    await t.as('alice').delete(`/api/v1/conversations/${one.conversationId}/context`).expect(204);
    const two = await say('Two?', one.conversationId);
    const fork = async (message_id: string): Promise<string> =>
      (
        await t
          .as('alice')
          .post(`/api/v1/conversations/${one.conversationId}/fork`)
          .send({ message_id })
          .expect(201)
      ).body.id;
    await say('Three?', await fork(two.messageId));
    expect(sent()).toEqual(['user: Two?', 'assistant: R.', 'user: Three?']);
    for (const before of [one, other]) {
      const copy = await fork(before.messageId);
      await say('Three?', copy);
      expect(sent()).toEqual(['user: Three?']);
      // A fork of a fork.
      const [, , , last] = await history(copy);
      const again = await t
        .as('alice')
        .post(`/api/v1/conversations/${copy}/fork`)
        .send({ message_id: last.id });
      await say('Four?', again.body.id);
      expect(sent()).toEqual(['user: Three?', 'assistant: R.', 'user: Four?']);
    }
  });

  it('forks a conversation whose model is gone, which only its next turn minds', async () => {
    model.script(reply('R.'));
    const one = await say('One?');
    await t.app
      .get(DataSource)
      .query(`UPDATE conversations SET model = 'gone' WHERE id = $1`, [one.conversationId]);
    const fork = await t.as('alice').post(`/api/v1/conversations/${one.conversationId}/fork`).expect(201);
    expect(fork.body.model).toBe('gone');
    expect(await contents(fork.body.id)).toEqual(['One?', 'R.']);
    const turn = await t.as('alice').post(`/api/v1/chat/${fork.body.id}`).send({ content: 'Two?' });
    expect([turn.status, turn.body.code]).toEqual([400, 'model_not_found']);
    await t.as('alice').patch(`/api/v1/conversations/${fork.body.id}`).send({ model: null }).expect(200);
    expect((await say('Two?', fork.body.id)).text).not.toBe('');
  });

  it("knows nothing of another user's messages", async () => {
    model.script(reply('Mine.'));
    const mine = await say('Secret.');
    for (const action of ['regenerate', 'edit', 'continue', 'select']) {
      const answer = await t
        .as('bob')
        .post(`/api/v1/messages/${mine.messageId}/${action}`)
        .send(action === 'edit' ? { content: 'x' } : undefined);
      expect([action, answer.status, answer.body.code]).toEqual([action, 404, 'message_not_found']);
    }
    await t.as('bob').post(`/api/v1/conversations/${mine.conversationId}/fork`).expect(404);
    const own = await streamReply(`${api}/chat`, t.user('bob'), { body: { content: 'Hi.' } });
    const stolen = await t
      .as('bob')
      .post(`/api/v1/conversations/${own.conversationId}/fork`)
      .send({ message_id: mine.messageId });
    expect(stolen.status).toBe(404);
  });
});
