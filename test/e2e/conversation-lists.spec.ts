import { ApiClient, type Page } from '../support/api-client';
import { createTestApp, type TestApp } from '../support/create-test-app';
import { type ModelServer, startModelServer } from '../support/model-server';
import { reply } from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { UserFeedClient } from '../support/user-feed-client';

interface Listed {
  id: string;
  title: string | null;
  pinned: boolean;
  running: { message_id: string; status: string; model: string } | null;
  last_message: { id: string; role: string; preview: string; created_at: string } | null;
  unread: boolean;
  message_count: number;
}

let model: ModelServer;
let t: TestApp;
let alice: ApiClient;
let user: string;
let users = 0;

beforeAll(async () => {
  model = await startModelServer();
  t = await createTestApp({ env: model.env });
});
beforeEach(() => {
  model.reset();
  user = `lister-${(users += 1)}`;
  alice = ApiClient.of(t.url, user);
});
afterAll(async () => {
  await t.close();
  await model.close();
});

async function list(query = ''): Promise<Listed[]> {
  const { status, body, text } = await alice.get<Page<Listed>>(`/conversations?limit=100${query}`);
  if (status !== 200) throw new Error(text);
  return body.data;
}
const titles = async (query = '') => (await list(query)).map(({ title }) => title);

describe('an entry of the list of conversations', () => {
  it('says what runs, what was said last, and what has not been read', async () => {
    const { id } = await alice.conversation({ title: 'x' });
    expect((await list())[0]).toMatchObject({
      running: null,
      last_message: null,
      unread: false,
      message_count: 0,
    });
    const gate = hold();
    model.script(reply(['One', gate, ' two']));
    const stream = await (await alice.stream(id, 'Hi')).count(2);
    const { messageId } = stream;
    const [entry] = await list();
    expect(entry).toMatchObject({
      running: { message_id: messageId, status: 'streaming', model: 'test-model' },
      last_message: { id: messageId, role: 'assistant', preview: '' },
      unread: false,
      message_count: 2,
    });
    gate.release();
    await stream.done();
    expect((await list())[0]).toMatchObject({
      running: null,
      last_message: { id: messageId, preview: 'One two' },
      unread: true,
    });
    expect((await alice.post(`/conversations/${id}/read`)).status).toBe(204);
    expect((await list())[0].unread).toBe(false);
  });

  it('is read by whoever sends something, until the reply has ended', async () => {
    const { id } = await alice.conversation({ title: 'x' });
    model.script(reply('One.'));
    await alice.say(id, 'Hi');
    expect((await list())[0].unread).toBe(true);
    const gate = hold();
    model.script(reply(['Two', gate]));
    const stream = await (await alice.stream(id, 'And?')).count(2);
    expect((await list())[0].unread).toBe(false);
    gate.release();
    await stream.done();
    expect((await list())[0]).toMatchObject({ unread: true, message_count: 4 });
  });

  it('has a short beginning of the text, whole characters of one line', async () => {
    const { id } = await alice.conversation({ title: 'x' });
    model.script(reply(` \n a\t b${'🙂'.repeat(200)}`));
    await alice.say(id, 'Hi');
    const { last_message } = (await list())[0];
    expect(last_message?.preview.startsWith('a b🙂')).toBe(true);
    expect(last_message?.preview.length).toBeLessThanOrEqual(120);
    expect(last_message?.preview.isWellFormed()).toBe(true);
  });

  it('shows the end of the active path, and counts all branches', async () => {
    model.script(reply('First.'), reply('Second.'));
    const { id } = await alice.conversation({ title: 'x' });
    const { message } = await alice.say(id, 'Hi');
    await (await alice.open('POST', `/messages/${message.id}/regenerate`)).done();
    expect((await list())[0]).toMatchObject({ last_message: { preview: 'Second.' }, message_count: 3 });
    await alice.post(`/messages/${message.id}/select`);
    expect((await list())[0]).toMatchObject({ last_message: { id: message.id, preview: 'First.' } });
  });

  it('shows the first that waits where nothing runs', async () => {
    const { id } = await alice.conversation({ title: 'x' });
    const gate = hold();
    model.script(reply(['One', gate]), reply('Two.'));
    const first = await (await alice.stream(id, 'One')).count(2);
    void alice
      .open('POST', `/chat/${id}/stream`, { content: 'Two', on_busy: 'queue' })
      .catch(() => undefined);
    const feed = await UserFeedClient.open(t.url, { user });
    expect((await list('&running=true'))[0].running).toMatchObject({ message_id: first.messageId });
    gate.release();
    await feed.count('reply.ended', 2);
    feed.close();
    expect(await list('&running=true')).toEqual([]);
  });
});

describe('the order and the filters of the list', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];

  async function make(): Promise<Record<string, string>> {
    const ids: Record<string, string> = {};
    for (const title of names) ids[title] = (await alice.conversation({ title, metadata: { of: title } })).id;
    for (const title of ['b', 'd']) await alice.patch(`/conversations/${ids[title]}`, { pinned: true });
    return ids;
  }

  it('pinned ones first, or activity alone, on pages of any size', async () => {
    await make();
    for (const limit of [1, 2, 3, 6, 100]) {
      const of = async (query: string) =>
        (await alice.pages<Listed>(`/conversations${query}`, limit)).flat().map(({ title }) => title);
      expect(await of('')).toEqual(['d', 'b', 'f', 'e', 'c', 'a']);
      expect(await of('?order=pinned')).toEqual(['d', 'b', 'f', 'e', 'c', 'a']);
      expect(await of('?order=activity')).toEqual(['f', 'e', 'd', 'c', 'b', 'a']);
      expect(await of('?pinned=true')).toEqual(['d', 'b']);
      expect(await of('?pinned=false&order=activity')).toEqual(['f', 'e', 'c', 'a']);
      expect(await of('?q=b&order=activity')).toEqual(['b']);
    }
  });

  it('a cursor is of one order and one set of filters', async () => {
    await make();
    const { body } = await alice.get<Page<Listed>>('/conversations?limit=1');
    for (const query of ['order=activity', 'pinned=true', 'unread=false', 'metadata.of=a', 'model=x']) {
      const answer = await alice.get(`/conversations?${query}&cursor=${String(body.next_cursor)}`);
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_cursor']);
    }
  });

  it('running, unread, model and metadata', async () => {
    const ids = await make();
    const gate = hold();
    model.script(reply('Done.'), reply(['One', gate]));
    await alice.say(ids.a, 'Hi');
    const stream = await (await alice.stream(ids.b, 'Hi')).count(2);
    expect(await titles('&running=true')).toEqual(['b']);
    expect(await titles('&running=false')).toEqual(['d', 'a', 'f', 'e', 'c']);
    expect(await titles('&unread=true')).toEqual(['a']);
    expect(await titles('&unread=false&running=true')).toEqual(['b']);
    expect(await titles('&metadata.of=c')).toEqual(['c']);
    await alice.patch(`/conversations/${ids.c}`, {
      metadata: { of: 'c', 'a.b': '%', "it's": 'x' },
      model: 'test-model',
    });
    expect(await titles('&metadata.of=c&metadata.a.b=%25')).toEqual(['c']);
    expect(await titles("&metadata.it's=x")).toEqual(['c']);
    expect(await titles('&metadata.of=c&metadata.a.b=_')).toEqual([]);
    expect(await titles('&model=test-model')).toEqual(['c']);
    expect(await titles('&model=none')).toEqual([]);
    gate.release();
    await stream.done();
  });

  it.each([
    'order=newest',
    'order=',
    'pinned=yes',
    'running=1',
    'unread=TRUE',
    'metadata=x',
    'metadata.=x',
    `metadata.${'k'.repeat(65)}=x`,
    `metadata.k=${'v'.repeat(513)}`,
    'model=',
    'metadata[of]=a',
    'user_id=bob',
  ])('refuses %s', async (query) => {
    const answer = await alice.get(`/conversations?${query}`);
    expect([answer.status, answer.body.code]).toEqual([400, 'validation_failed']);
  });

  it.each(['constructor', '__proto__', 'toString'])('refuses the key %s, as everywhere', async (key) => {
    const answer = await alice.get(`/conversations?metadata.${key}=x`);
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_key']);
  });
});

describe('deleting several conversations', () => {
  it('deletes those that are there, and of nobody else', async () => {
    const own = [await alice.conversation({ title: 'a' }), await alice.conversation({ title: 'b' })].map(
      ({ id }) => id,
    );
    const bob = ApiClient.of(t.url, `${user}-bob`);
    const { id: his } = await bob.conversation({ title: 'of Bob' });
    const ids = [own[0], own[0].toUpperCase(), his, '019a5b1c-7f00-7000-8000-000000000001', own[1]];
    const answer = await alice.post('/conversations/delete', { ids });
    expect([answer.status, answer.body]).toEqual([200, { deleted: own }]);
    expect(await list()).toEqual([]);
    expect((await bob.get(`/conversations/${his}`)).status).toBe(200);
    expect((await alice.post('/conversations/delete', { ids })).body).toEqual({ deleted: [] });
  });

  it.each([
    [{}],
    [{ ids: [] }],
    [{ ids: 'x' }],
    [{ ids: ['no name'] }],
    [{ ids: [null] }],
    [{ ids: Array(101).fill('019a5b1c-7f00-7000-8000-000000000001') }],
  ])('refuses %j', async (body) => {
    const answer = await alice.post('/conversations/delete', body);
    expect([answer.status, answer.body.code]).toEqual([400, 'validation_failed']);
  });
});

it('a conversation that is not there cannot be read', async () => {
  const bob = ApiClient.of(t.url, `${user}-bob`);
  const { id } = await bob.conversation({ title: 'of Bob' });
  for (const unknown of [id, '019a5b1c-7f00-7000-8000-000000000001', 'x'])
    expect((await alice.post(`/conversations/${unknown}/read`)).body).toMatchObject({
      status: 404,
      code: 'conversation_not_found',
    });
});
