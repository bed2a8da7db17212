import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import {
  ApiClient,
  type ChatMessage,
  type Conversation,
  type ConversationDetail,
  type Page,
} from '../support/api-client';
import { createTestApp, type TestApp } from '../support/create-test-app';
import { type ModelServer, startModelServer } from '../support/model-server';
import { reply } from '../support/model-server/behaviours';
import type { SseReader } from '../support/sse-reader';
import { Statements } from '../support/statements';

type Version = ChatMessage & { leaf_id: string };

let statements: Statements;
let model: ModelServer;
let t: TestApp;
let alice: ApiClient;

beforeAll(async () => {
  statements = new Statements();
  model = await startModelServer();
  model.otherwise(reply('Yes.'));
  t = await createTestApp({ env: { ...model.env, LLM_MAX_RETRIES: '0' } });
  statements.watch(t.app.getHttpServer());
  alice = ApiClient.of(t.url, 'alice');
});
afterAll(async () => {
  await t.close();
  await model.close();
  statements.restore();
});

const act = async (id: string, action: string, body: object = {}) =>
  (await alice.open('POST', `/messages/${id}/${action}`, body)).done();
const places = ({ events: [start] }: SseReader) => {
  if (start.type !== 'start') throw new Error('No start');
  const { sibling_count, sibling_position, user_sibling_count, user_sibling_position } = start.data;
  return [sibling_count, sibling_position, user_sibling_count, user_sibling_position];
};
const versionsOf = async (id: string, limit = 100) =>
  (await alice.pages<Version>(`/messages/${id}/versions`, limit)).flat();
const pathThrough = async (conversation: string, message: string, limit = 100) =>
  (await alice.pages<ChatMessage>(`/conversations/${conversation}/path?message_id=${message}`, limit))
    .flat()
    .map(({ id }) => id);
const activeLeaf = async (id: string) =>
  (await alice.get<Conversation & { active_message_id: string }>(`/conversations/${id}`)).body
    .active_message_id;

describe('versions beside a message', () => {
  it('are listed with it wherever it is shown: in paths, pages, details and turns', async () => {
    const { id } = await alice.conversation();
    const first = await alice.say(id, 'One');
    expect([first.message.sibling_ids, first.user_message.sibling_ids]).toEqual([
      [first.message.id],
      [first.user_message.id],
    ]);
    const second = await act(first.message.id, 'regenerate');
    const edited = await act(first.user_message.id, 'edit', { content: 'Another' });
    const replies = [first.message.id, second.messageId];
    const users = [first.user_message.id, userOf(edited)];
    const detail = (await alice.get<ConversationDetail>(`/conversations/${id}`)).body.messages;
    const page = (await alice.get<Page<ChatMessage>>(`/conversations/${id}/messages`)).body.data;
    for (const shown of [detail, page, await alice.history(id)]) {
      expect(shown.map(({ sibling_ids }) => sibling_ids)).toEqual([users, [edited.messageId]]);
      expect(shown.every((message) => !('sibling_ids_truncated' in message))).toBe(true);
    }
    expect((await alice.message(first.message.id)).sibling_ids).toEqual(replies);
    expect((await alice.message(second.messageId)).sibling_ids).toEqual(replies);
    expect((await alice.message(first.user_message.id)).sibling_ids).toEqual(users);
  });

  it('are the hundred that are nearest to it, itself included, of more', async () => {
    const { id } = await alice.conversation();
    const { user_message, message } = await alice.say(id, 'One');
    const ids = [message.id, ...(await addVersions(id, user_message.id, 249))];
    for (const index of [0, 1, 49, 50, 51, 125, 199, 200, 201, 248, 249]) {
      const shown = await alice.message(ids[index]);
      const from = Math.max(0, Math.min(index - 50, 150));
      expect([index, shown.sibling_ids]).toEqual([index, ids.slice(from, from + 100)]);
      expect(shown).toMatchObject({
        sibling_count: 250,
        sibling_position: index + 1,
        sibling_ids_truncated: true,
      });
    }
    expect((await versionsOf(ids[125])).map((version) => version.id)).toEqual(ids);
  });

  it('cost no statement of their own, however many messages a page has', async () => {
    const { id } = await alice.conversation();
    const read = async () => (await statements.of(() => alice.history(id))).length;
    const first = await alice.say(id, 'One');
    const few = await read();
    for (const content of ['Two', 'Three', 'Four']) await alice.say(id, content);
    await act(first.message.id, 'regenerate');
    await alice.post(`/messages/${first.message.id}/select`);
    expect((await alice.history(id)).length).toBe(8);
    expect(await read()).toBe(few);
  });
});

describe('the start event', () => {
  it('says which version the reply and its message were when it began, and does so for ever', async () => {
    const { id } = await alice.conversation();
    const first = await (await alice.stream(id, 'One')).done();
    expect(places(first)).toEqual([1, 1, 1, 1]);
    const next = await (await alice.stream(id, 'Two')).done();
    expect(places(next)).toEqual([1, 1, 1, 1]);
    const again = await act(first.messageId, 'regenerate');
    expect(places(again)).toEqual([2, 2, 1, 1]);
    const edited = await act(userOf(first), 'edit', { content: 'Another' });
    expect(places(edited)).toEqual([1, 1, 2, 2]);
    const oldest = await act(first.messageId, 'regenerate');
    expect(places(oldest)).toEqual([3, 3, 2, 1]);
    for (const reader of [first, next, again, edited, oldest])
      expect((await (await alice.follow(reader.messageId)).done()).frames).toBe(reader.frames);
  });

  it('says it of what goes beside a message at the end of the active path, and of a queued reply', async () => {
    const { id } = await alice.conversation();
    const first = await alice.say(id, 'One');
    await alice.post(`/messages/${first.user_message.id}/select`, { exact: true });
    const beside = await (await alice.stream(id, 'Beside')).done();
    expect(places(beside)).toEqual([1, 1, 2, 2]);
    const queued = await (
      await alice.open('POST', '/chat', { conversation_id: id, content: 'Next', on_busy: 'queue' })
    ).done();
    expect(places(queued)).toEqual([1, 1, 1, 1]);
    expect((await (await alice.follow(queued.messageId)).done()).frames).toBe(queued.frames);
  });

  it('of a reply of before has nothing of it, and of a copy what it is there', async () => {
    const { id } = await alice.conversation();
    const { message } = await alice.say(id, 'One');
    await t.app.get(DataSource).query('UPDATE messages SET start_places = NULL WHERE id = $1', [message.id]);
    const [start] = (await (await alice.follow(message.id)).done()).events;
    expect(Object.keys(start.data)).toEqual(['conversation_id', 'message_id', 'user_message_id', 'model']);
    const fork = (await alice.post<Conversation>(`/conversations/${id}/fork`)).body;
    const [, copy] = await alice.history(fork.id);
    expect(places(await (await alice.follow(copy.id)).done())).toEqual([1, 1, 1, 1]);
  });
});

describe('GET /messages/{id}/versions', () => {
  it('has each with the leaf to which selecting it leads, page by page', async () => {
    const { id } = await alice.conversation();
    const one = await alice.say(id, 'One');
    const two = await alice.say(id, 'Two');
    const again = await act(one.message.id, 'regenerate');
    const below = await alice.say(id, 'Below');
    const third = await act(one.message.id, 'regenerate');
    const expected = [
      [one.message.id, two.message.id],
      [again.messageId, below.message.id],
      [third.messageId, third.messageId],
    ];
    for (const limit of [1, 2, 100]) {
      const versions = await versionsOf(again.messageId, limit);
      expect(versions.map((version) => [version.id, version.leaf_id])).toEqual(expected);
    }
    for (const [version, leaf] of expected) {
      await alice.post(`/messages/${version}/select`);
      expect(await activeLeaf(id)).toBe(leaf);
      expect((await versionsOf(version)).map((each) => [each.id, each.leaf_id])).toEqual(expected);
    }
    await alice.post(`/messages/${one.message.id}/select`, { exact: true });
    expect((await versionsOf(one.message.id)).map((each) => each.leaf_id)).toEqual(
      expected.map(([, leaf]) => leaf),
    );
    const [root] = await versionsOf(one.user_message.id);
    await alice.post(`/messages/${one.user_message.id}/select`);
    expect(await activeLeaf(id)).toBe(root.leaf_id);
  });

  it('has roots, refuses cursors of other lists, and knows nothing of others', async () => {
    const { id } = await alice.conversation();
    const first = await alice.say(id, 'One');
    const edited = await act(first.user_message.id, 'edit', { content: 'Another' });
    const roots = await versionsOf(first.user_message.id, 1);
    expect(roots.map(({ id: root, leaf_id }) => [root, leaf_id])).toEqual([
      [first.user_message.id, first.message.id],
      [userOf(edited), edited.messageId],
    ]);
    const { next_cursor } = (await alice.get<Page<Version>>(`/messages/${roots[0].id}/versions?limit=1`))
      .body;
    for (const [path, status] of [
      [`/messages/${first.message.id}/versions?cursor=${next_cursor}`, 400],
      [`/messages/${first.message.id}/versions?limit=0`, 400],
      [`/messages/${randomUUID()}/versions`, 404],
      ['/messages/nothing/versions', 404],
    ] as const)
      expect([path, (await alice.get(path)).status]).toEqual([path, status]);
    const bob = ApiClient.of(t.url, 'bob');
    const { status, body } = await bob.get(`/messages/${first.message.id}/versions`);
    expect([status, body.code]).toEqual([404, 'message_not_found']);
  });
});

describe('GET /conversations/{id}/path', () => {
  it('is the path through a message, and changes nothing', async () => {
    const { id } = await alice.conversation();
    const one = await alice.say(id, 'One');
    const two = await alice.say(id, 'Two');
    const again = await act(one.message.id, 'regenerate');
    const whole = [one.user_message.id, one.message.id, two.user_message.id, two.message.id];
    for (const limit of [1, 3, 100]) expect(await pathThrough(id, one.message.id, limit)).toEqual(whole);
    expect(await pathThrough(id, two.user_message.id)).toEqual(whole);
    expect(await pathThrough(id, one.user_message.id)).toEqual([one.user_message.id, again.messageId]);
    expect(await activeLeaf(id)).toBe(again.messageId);
  });

  it('needs a message of this conversation', async () => {
    const { id } = await alice.conversation();
    const other = await alice.say((await alice.conversation()).id, 'One');
    const path = (query: string, of = id) => alice.get(`/conversations/${of}/path${query}`);
    for (const [answer, status, code] of [
      [await path(''), 400, 'validation_failed'],
      [await path('?message_id=x'), 400, 'validation_failed'],
      [await path(`?message_id=${randomUUID()}`), 404, 'message_not_found'],
      [await path(`?message_id=${other.message.id}`), 404, 'message_not_found'],
      [await path(`?message_id=${other.message.id}`, randomUUID()), 404, 'conversation_not_found'],
    ] as const)
      expect([answer.status, answer.body.code]).toEqual([status, code]);
  });
});

function userOf({ events: [start] }: SseReader): string {
  return start.type === 'start' ? start.data.user_message_id : '';
}

/** Further replies to a message, as if they had been made. */
async function addVersions(conversation: string, parent: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID());
  await t.app.get(DataSource).query(
    `INSERT INTO messages (id, conversation_id, user_id, parent_id, branch_id, depth, sequence, role, status, created_at, updated_at)
     SELECT n.id, $2, 'alice', $3, n.id, 2, 2 + n.position, 'assistant', 'completed', now(), now()
     FROM unnest($1::uuid[]) WITH ORDINALITY AS n (id, position)`,
    [ids, conversation, parent],
  );
  return ids;
}
