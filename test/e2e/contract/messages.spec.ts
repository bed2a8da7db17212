import type { ChatMessage, Page } from '../../support/api-client';
import { useChatApp } from '../../support/use-chat-app';

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const t = useChatApp();
const alice = t.client('alice');

describe('GET /messages/{id}', () => {
  it('has what the contract names', async () => {
    const { id } = await alice.conversation();
    const { user_message, message } = await alice.say(id, 'Hi');
    expect(await alice.message(message.id)).toMatchObject({
      id: message.id,
      conversation_id: id,
      parent_id: user_message.id,
      role: 'assistant',
      content: 'Hello from the model server.',
      parts: [{ type: 'text', text: 'Hello from the model server.' }],
      status: 'completed',
      model: 'test-model',
      provider: expect.any(String),
      usage: { input_tokens: 9, output_tokens: 5 },
      finish_reason: 'stop',
      error: null,
      created_at: expect.stringMatching(TIMESTAMP),
      updated_at: expect.stringMatching(TIMESTAMP),
    });
    expect(await alice.message(user_message.id)).toMatchObject({
      parent_id: null,
      role: 'user',
      content: 'Hi',
      status: 'completed',
      model: null,
      usage: null,
      finish_reason: null,
      error: null,
    });
  });

  it.each(['PATCH', 'PUT'])('cannot be written with %s', async (method) => {
    const { message } = await alice.say((await alice.conversation()).id, 'Hi');
    expect((await alice.call(method, `/messages/${message.id}`, { content: 'x' })).status).toBe(405);
    expect((await alice.message(message.id)).content).toBe('Hello from the model server.');
  });
});

describe('the pages of a path', () => {
  const ROUTES: [string, (id: string) => string][] = [
    ['GET /conversations/{id}/messages', (id) => `/conversations/${id}/messages`],
    ['GET /chat/{id}/history', (id) => `/chat/${id}/history`],
  ];
  let conversation: string;

  beforeAll(async () => {
    conversation = (await alice.conversation()).id;
    for (let i = 0; i < 32; i += 1) await alice.say(conversation, `Turn ${i}`);
  });

  it.each(ROUTES)('have every message once, oldest first within a page: %s', async (_, route) => {
    for (const limit of [1, 7, 64, 100]) {
      const pages = await alice.pages<ChatMessage>(route(conversation), limit);
      for (const page of pages.slice(0, -1)) expect(page).toHaveLength(limit);
      const all = inOrder(pages);
      expect(all).toHaveLength(64);
      expect(all.map(({ parent_id }) => parent_id)).toEqual([null, ...all.slice(0, -1).map(({ id }) => id)]);
      expect(all.flatMap(({ role, content }) => (role === 'user' ? [content] : []))).toEqual(
        Array.from({ length: 32 }, (__, i) => `Turn ${i}`),
      );
    }
  });

  it.each(ROUTES)('stay whole while messages are added: %s', async (_, route) => {
    const { id } = await alice.conversation();
    for (let i = 0; i < 10; i += 1) await alice.say(id, `Turn ${i}`);
    const before = (await alice.history(id)).map((message) => message.id);
    const pages = await alice.pages<ChatMessage>(route(id), 6, () => alice.say(id, 'More'));
    const seen = inOrder(pages).map((message) => message.id);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(before));
    expect(seen.slice(0, before.length)).toEqual(before);
  });

  it('stay on their branch when another one becomes active', async () => {
    const { id } = await alice.conversation();
    const first = await alice.say(id, 'One');
    for (let i = 0; i < 5; i += 1) await alice.say(id, `Turn ${i}`);
    const before = (await alice.history(id)).map((message) => message.id);
    let branched = false;
    const pages = await alice.pages<ChatMessage>(`/conversations/${id}/messages`, 4, async () => {
      if (!branched) await alice.say(id, 'Branch', { parent_id: first.message.id });
      branched = true;
    });
    expect(inOrder(pages).map((message) => message.id)).toEqual(before);
  });

  it.each(ROUTES)('refuse other limits and cursors: %s', async (_, route) => {
    for (const query of [
      'limit=0',
      'limit=101',
      'limit=x',
      'limit=',
      'cursor=x',
      'cursor=',
      'offset=1',
      'page=2',
    ]) {
      const { status } = await alice.get(`${route(conversation)}?${query}`);
      expect([query, status]).toEqual([query, 400]);
    }
    const { body } = await alice.get<Page<ChatMessage>>(`${route(conversation)}?limit=1`);
    const other = await alice.conversation();
    expect((await alice.get(`${route(other.id)}?cursor=${body.next_cursor}`)).status).toBe(400);
  });
});

describe('the tree', () => {
  it('shows for each message how many siblings it has and which one it is', async () => {
    const { id } = await alice.conversation();
    const root = await alice.say(id, 'Root');
    const branches = [];
    for (const name of ['a', 'b', 'c'])
      branches.push(await alice.say(id, name, { parent_id: root.message.id }));
    for (const [i, branch] of branches.entries()) {
      const { body } = await alice.get<Page<ChatMessage>>(
        `/conversations/${id}/messages?leaf=${branch.message.id}`,
      );
      expect(
        body.data.map(({ content, sibling_count, sibling_position }) => [
          content,
          sibling_count,
          sibling_position,
        ]),
      ).toEqual([
        ['Root', 1, 1],
        ['Hello from the model server.', 1, 1],
        [['a', 'b', 'c'][i], 3, i + 1],
        ['Hello from the model server.', 1, 1],
      ]);
    }
    expect((await alice.history(id)).map(({ content }) => content)[2]).toBe('c');
  });

  it('has no leaf of another conversation', async () => {
    const [mine, other] = [await alice.conversation(), await alice.conversation()];
    const { message } = await alice.say(other.id, 'Hi');
    await alice.say(mine.id, 'Hi');
    for (const leaf of [message.id, '00000000-0000-7000-8000-000000000000']) {
      const { status, body } = await alice.get(`/conversations/${mine.id}/messages?leaf=${leaf}`);
      expect([status, body.code]).toEqual([404, 'message_not_found']);
    }
    expect((await alice.get(`/conversations/${mine.id}/messages?leaf=x`)).status).toBe(400);
  });
});

/** The first page is the latest one; later pages are older. */
function inOrder(pages: ChatMessage[][]): ChatMessage[] {
  const first = pages[0]?.[0];
  const isOldestFirst = first !== undefined && first.parent_id === null;
  return isOldestFirst ? pages.flat() : pages.toReversed().flat();
}
