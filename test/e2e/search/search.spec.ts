import type { ApiClient, Page } from '../../support/api-client';
import { reply } from '../../support/model-server/behaviours';
import { useChatApp } from '../../support/use-chat-app';
import { search as find, type Hit } from './support';

// Titles are first words, so that none comes while a test looks.
const t = useChatApp({ TITLE_MODEL: 'off' });
let client: ApiClient;
let users = 0;
beforeEach(() => {
  t.model.reset();
  client = t.client(`searcher-${(users += 1)}`);
});

const search = (q: string, more = '', as = client) => find(as, q, more);
const marked = ({ snippet, highlights }: Hit) => highlights.map(([start, end]) => snippet.slice(start, end));
/** What was found of each hit. */
const found = async (q: string, more = '') => (await search(q, more)).map(marked);
/** Ids of the messages that are hit; null for a title. */
const hits = async (q: string, more = '') => (await search(q, more)).map(({ message_id }) => message_id);

/** A turn in a conversation that has a title without words. */
async function say(question: string, answer = 'Yes.') {
  const { id } = await client.conversation({ title: '-' });
  t.model.script(reply([answer]));
  const { message, user_message } = await client.say(id, question);
  return { id, messageId: message.id, userMessageId: user_message.id };
}

describe('GET /search', () => {
  it('finds what was asked and what was answered, with the place of each word', async () => {
    const turn = await say('Where are the fjords?', 'In Norway: the Fjord of Geiranger, 🙂 for two weeks.');
    const [answer, ...others] = await search('geirang');
    expect(others).toEqual([]);
    expect(answer).toMatchObject({
      conversation: { id: turn.id, title: '-' },
      message_id: turn.messageId,
      role: 'assistant',
      snippet: 'In Norway: the Fjord of Geiranger, 🙂 for two weeks.',
    });
    expect(marked(answer)).toEqual(['Geiranger']);
    expect(await found('weeks')).toEqual([['weeks']]);
    expect((await hits('fjord')).map(String).toSorted()).toEqual(
      [turn.messageId, turn.userMessageId].toSorted(),
    );
    expect(await hits('fjord oslo')).toEqual([]);
  });

  it.each([
    ['我们在北京大学学习。', '大学', ['大学']],
    ['我们在北京大学学习。', '学', ['学学']],
    ['東京タワーへ行きます', 'タワー', ['タワー']],
    ['학교에서 만나요', '학교', ['학교']],
    ['สวัสดีครับ', 'สวัสดี', ['สวัสดี']],
    ['Привет, Ёлка!', 'елка', ['Ёлка']],
    ['مَرْحَبًا بالعالم', 'مرحبا', ['مَرْحَبًا']],
    ['Crème brûlée', 'creme brulee', ['Crème', 'brûlée']],
    ['We were running', 'run', ['running']],
    ['call getUserById(7)', 'user', ['User']],
    ['the state-of-the-art here', 'state-of-the-art', ['state', 'of', 'the', 'art']],
  ])('finds in %j what is looked for as %j', async (text, q, expected) => {
    await say(text, 'ok');
    expect(await found(q)).toEqual([expected]);
  });

  it('finds phrases, leaves out what is not wanted, and goes on with the last word', async () => {
    const one = await say('two weeks in Norway', '-');
    const two = await say('weeks: two of them in Norwegian', '-');
    expect(await hits('"two weeks"')).toEqual([one.userMessageId]);
    expect(await hits('weeks -"two weeks"')).toEqual([two.userMessageId]);
    expect(await hits('weeks -norwegian')).toEqual([one.userMessageId]);
    expect((await hits('weeks norw')).map(String).toSorted()).toEqual(
      [one.userMessageId, two.userMessageId].toSorted(),
    );
    expect(await hits('norw weeks')).toEqual([]);
    expect(await hits('"two wee')).toEqual([one.userMessageId]);
  });

  it('finds titles as soon as they are set, and no more when they are not', async () => {
    t.model.script(reply('Sure.'));
    const { id: conversationId } = await client.conversation();
    await client.say(conversationId, 'Planning the zebra crossing');
    const titles = async (q: string) =>
      (await search(q)).filter(({ message_id }) => message_id === null).map(({ snippet }) => snippet);
    expect(await titles('zebra')).toEqual(['Planning the zebra crossing']);
    await client.patch(`/conversations/${conversationId}`, { title: 'A new okapi' });
    expect(await titles('zebra')).toEqual([]);
    expect(await search('okapi')).toMatchObject([
      { conversation: { id: conversationId }, message_id: null, role: null, highlights: [[6, 11]] },
    ]);
    await client.patch(`/conversations/${conversationId}`, { title: null });
    expect(await titles('okapi')).toEqual([]);
    t.model.script(reply('Sure.'));
    await client.say(conversationId, 'a heron then');
    expect(await titles('heron')).toEqual(['a heron then']);
    const named = await client.post(`/conversations/${conversationId}/title`);
    expect(named.status).toBe(200);
    expect(await titles('heron')).toEqual([]);
    expect(await titles('zebra')).toEqual(['Planning the zebra crossing']);
    const { id } = await client.conversation({ title: 'Made with a quokka' });
    expect(await search('quokka')).toMatchObject([{ conversation: { id }, message_id: null }]);
  });

  it('finds other branches, copies, and the path through a hit', async () => {
    const first = await say('a walnut', 'brown');
    t.model.script(reply(['grey cashew']));
    await (await client.open('POST', `/messages/${first.messageId}/regenerate`)).done();
    expect(await hits('brown')).toEqual([first.messageId]);
    const path = await client.get<{ data: { id: string }[] }>(
      `/conversations/${first.id}/path?message_id=${first.messageId}`,
    );
    expect(path.body.data.map(({ id }) => id)).toEqual([first.userMessageId, first.messageId]);
    const fork = await client.post<{ id: string }>(`/conversations/${first.id}/fork`, {
      message_id: first.messageId,
    });
    expect(fork.status).toBe(201);
    const copies = await search('brown', `&conversation_id=${fork.body.id}`);
    expect(copies).toMatchObject([{ conversation: { id: fork.body.id }, role: 'assistant' }]);
    for (const name of [first.id, first.id.toUpperCase()])
      expect(await hits('brown', `&conversation_id=${name}`)).toEqual([first.messageId]);
    expect(await hits('brown')).toHaveLength(2);
  });

  it('does not find what is deleted', async () => {
    const first = await say('a lynx', 'a caracal');
    const second = await say('a lynx', 'another');
    await client.delete(`/messages/${first.messageId}`);
    expect(await hits('caracal')).toEqual([]);
    expect(await hits('lynx')).toHaveLength(2);
    await client.delete(`/conversations/${first.id}`);
    expect(await hits('lynx')).toEqual([second.userMessageId]);
    await client.delete(`/conversations/${second.id}`);
    expect(await hits('lynx')).toEqual([]);
  });

  it('is limited to a conversation, a role or a time', async () => {
    const first = await say('an ibex', 'no ibex');
    const second = await say('an ibex', 'an ibex');
    expect((await hits('ibex', `&conversation_id=${first.id}`)).map(String).toSorted()).toEqual(
      [first.messageId, first.userMessageId].toSorted(),
    );
    expect((await hits('ibex', '&role=user')).map(String).toSorted()).toEqual(
      [first.userMessageId, second.userMessageId].toSorted(),
    );
    const [{ created_at }] = await search('ibex', `&role=user&conversation_id=${second.id}`);
    expect(await hits('ibex', `&role=user&from=${created_at}`)).toEqual([second.userMessageId]);
    expect(await hits('ibex', `&role=user&to=${created_at}`)).toEqual([first.userMessageId]);
    expect(await hits('ibex', '&to=2001-01-01T00:00:00Z')).toEqual([]);
  });

  it('finds nothing of others', async () => {
    const { id } = await say('a secret tapir');
    const other = t.client('searcher-other');
    expect(await search('tapir', '', other)).toEqual([]);
    expect(await search('tapir', `&conversation_id=${id}`, other)).toEqual([]);
  });

  it('goes on page by page, best first, and shows nothing twice', async () => {
    const ids: string[] = [];
    for (let count = 1; count <= 7; count++) ids.push((await say('gnu '.repeat(count), '-')).userMessageId);
    const seen: Hit[] = [];
    let cursor = '';
    do {
      const { body } = await client.get<Page<Hit>>(`/search?q=gnu&limit=3${cursor && `&cursor=${cursor}`}`);
      seen.push(...body.data);
      expect(body.has_more).toBe(body.next_cursor !== null);
      cursor = body.next_cursor ?? '';
    } while (cursor);
    expect(seen.map(({ message_id }) => String(message_id)).toSorted()).toEqual(ids.toSorted());
    expect(seen.map(({ score }) => score)).toEqual(seen.map(({ score }) => score).toSorted((a, b) => b - a));
  });
});
