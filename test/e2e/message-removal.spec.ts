import { DataSource } from 'typeorm';
import { STORAGE_BOUNDS } from '../../src/config/bounds';
import { newId } from '../../src/common/ids';
import { TransactionRunner } from '../../src/database/transaction-runner';
import { Counters } from '../../src/usage/counters';
import { CountersRepository } from '../../src/usage/counters.repository';
import { ApiClient, type ConversationDetail, type Page } from '../support/api-client';
import { createTestApp, type TestApp } from '../support/create-test-app';
import { type ModelServer, startModelServer } from '../support/model-server';
import { echo, reply } from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { UserFeedClient } from '../support/user-feed-client';

interface NamedConversation {
  id: string;
  title: string | null;
  title_source: string;
  unread: boolean;
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
  model.otherwise(echo());
  user = `remover-${(users += 1)}`;
  alice = ApiClient.of(t.url, user);
});
afterEach(async () => {
  const db = t.app.get(TransactionRunner);
  const counters = new Counters(new CountersRepository(db), db);
  expect((await counters.recount({ correct: false })).wrong).toEqual([]);
});
afterAll(async () => {
  await t.close();
  await model.close();
});

const pathOf = async (id: string) => (await alice.history(id)).map((message) => message.id);
const regenerate = async (id: string) =>
  (await (await alice.open('POST', `/messages/${id}/regenerate`)).done()).messageId;
const edit = async (id: string, content: string) =>
  (await (await alice.open('POST', `/messages/${id}/edit`, { content })).done()).events[0].data as {
    message_id: string;
    user_message_id: string;
  };

async function remove(id: string): Promise<void> {
  const answer = await alice.delete(`/messages/${id}`);
  if (answer.status !== 204) throw new Error(answer.text);
  expect((await alice.get(`/messages/${id}`)).body).toMatchObject({ code: 'message_not_found' });
}

async function conversation(turns: number) {
  const { id } = await alice.conversation({ title: 'x' });
  const said = [];
  for (let n = 0; n < turns; n++) said.push(await alice.say(id, `Turn ${n}`));
  return { id, said };
}

describe('a message that is removed', () => {
  it('takes what hangs below it along; the path ends at the message before', async () => {
    const { id, said } = await conversation(3);
    await alice.post('/feedback', { message_id: said[1].message.id, rating: 1, comment: 'gone with it' });
    const feed = await UserFeedClient.open(t.url, { user });
    await remove(said[1].user_message.id);
    expect(await pathOf(id)).toEqual([said[0].user_message.id, said[0].message.id]);
    await feed.count('conversation.updated', 1);
    expect(feed.events.map(({ type, data }) => ({ type, data }))).toEqual([
      {
        type: 'message.deleted',
        data: {
          conversation_id: id,
          message_ids: [said[2].message, said[2].user_message, said[1].message, said[1].user_message].map(
            (m) => m.id,
          ),
        },
      },
      { type: 'conversation.updated', data: { conversation_id: id, active_message_id: said[0].message.id } },
    ]);
    feed.close();
    const { body } = await alice.get<{ data: object[] }>('/feedback');
    expect(body.data).toEqual([]);
    const next = await alice.say(id, 'Going on');
    expect(next.user_message.parent_id).toBe(said[0].message.id);
  });

  it('a reply alone: the path ends at what was said, and the next turn goes beside that', async () => {
    const { id, said } = await conversation(2);
    await remove(said[1].message.id);
    expect(await pathOf(id)).toEqual([said[0].user_message.id, said[0].message.id, said[1].user_message.id]);
    const next = await alice.say(id, 'Again');
    expect(next.user_message).toMatchObject({ parent_id: said[0].message.id, sibling_count: 2 });
    expect(await pathOf(id)).toEqual([
      said[0].user_message.id,
      said[0].message.id,
      next.user_message.id,
      next.message.id,
    ]);
  });

  it('the only message before all others leaves an empty conversation, which goes on', async () => {
    const { id, said } = await conversation(2);
    await remove(said[0].user_message.id);
    expect(await pathOf(id)).toEqual([]);
    const { body } = await alice.get<ConversationDetail>(`/conversations/${id}`);
    expect(body).toMatchObject({ active_message_id: null, messages: [] });
    const next = await alice.say(id, 'From the start');
    expect(next.user_message.parent_id).toBe(null);
    expect(await pathOf(id)).toEqual([next.user_message.id, next.message.id]);
  });

  it.each(['first', 'last'] as const)(
    'the %s of several versions leaves the others, in their order',
    async (which) => {
      const { id, said } = await conversation(1);
      const first = said[0].message.id;
      const second = await regenerate(first);
      const third = await regenerate(first);
      const versions = [first, second, third];
      const gone = which === 'first' ? first : third;
      const left = versions.filter((version) => version !== gone);
      await remove(gone);
      const newest = left[left.length - 1];
      expect(await pathOf(id)).toEqual([said[0].user_message.id, newest]);
      for (const [index, version] of left.entries())
        expect(await alice.message(version)).toMatchObject({ sibling_count: 2, sibling_position: index + 1 });
      for (const version of left) {
        await alice.post(`/messages/${version}/select`);
        expect(await pathOf(id)).toEqual([said[0].user_message.id, version]);
        await alice.post(`/messages/${said[0].user_message.id}/select`);
        expect(await pathOf(id)).toEqual([said[0].user_message.id, version]);
      }
      await remove(left[0]);
      await remove(left[1]);
      expect(await pathOf(id)).toEqual([said[0].user_message.id]);
      const again = await alice.say(id, 'Once more');
      expect(await pathOf(id)).toEqual([again.user_message.id, again.message.id]);
    },
  );

  it('another version than the one that is shown leaves the path as it is, and a way to each message', async () => {
    const { id, said } = await conversation(2);
    const other = await edit(said[1].user_message.id, 'Another question');
    const path = await pathOf(id);
    await remove(said[1].user_message.id);
    expect(await pathOf(id)).toEqual(path);
    await alice.post(`/messages/${said[0].user_message.id}/select`, { exact: true });
    await alice.post(`/messages/${said[0].message.id}/select`);
    expect(await pathOf(id)).toEqual([
      said[0].user_message.id,
      said[0].message.id,
      other.user_message_id,
      other.message_id,
    ]);
  });

  it('one of several beginnings leaves the others', async () => {
    const { id, said } = await conversation(2);
    const other = await edit(said[0].user_message.id, 'Another beginning');
    await remove(other.user_message_id);
    expect(await pathOf(id)).toEqual(
      said.flatMap(({ user_message, message }) => [user_message.id, message.id]),
    );
  });

  it('a title made of what is removed goes with it, for another one that is left, or altogether', async () => {
    const first = (await (await alice.open('POST', '/chat', { content: 'Canary one' })).done()).events[0]
      .data as { conversation_id: string; user_message_id: string };
    const id = first.conversation_id;
    const state = async () => {
      const { body } = await alice.get<Page<NamedConversation>>('/conversations');
      const { title, title_source, unread } = body.data.find((each) => each.id === id)!;
      return { title, title_source, unread };
    };
    const found = async (word: string) =>
      (await alice.get<{ data: unknown[] }>(`/search?q=${word}`)).body.data.length;
    const other = await edit(first.user_message_id, 'Another beginning');
    expect(await state()).toMatchObject({ title: 'Canary one', title_source: 'auto' });
    const feed = await UserFeedClient.open(t.url, { user });
    await remove(first.user_message_id);
    expect(await state()).toMatchObject({ title: 'Another beginning', title_source: 'auto' });
    expect(await found('canary')).toBe(0);
    expect(await found('beginning')).toBeGreaterThan(0);
    await remove(other.user_message_id);
    expect(await state()).toEqual({ title: null, title_source: 'auto', unread: false });
    expect(await found('beginning')).toBe(0);
    await feed.count('title', 2);
    expect(feed.of('title').map(({ data }) => data.title)).toEqual(['Another beginning', null]);
    expect(feed.of('conversation.updated').map(({ data }) => data.unread)).toContain(false);
    feed.close();
    const kept = await t.app
      .get(TransactionRunner)
      .query('SELECT events FROM user_events WHERE user_id = $1', [user]);
    expect(JSON.stringify(kept)).not.toMatch(/Canary|Another/);
    await alice.say(id, 'From the start');
    expect(await state()).toMatchObject({ title: 'From the start', title_source: 'auto', unread: true });
  });

  it('leaves a feed that comes back after it, as a browser does by itself, with what is there', async () => {
    const { id, said } = await conversation(2);
    await remove(said[1].message.id);
    const feed = await alice.feed(id, { 'last-event-id': `${said[1].message.id}:3` });
    expect(feed.status).toBe(200);
    const next = await (await alice.stream(id, 'And now?')).done();
    await feed.until(() => feed.last?.type === 'end');
    expect(feed.ids).toEqual(next.ids);
    feed.close();
  });

  it('is told from one that never was, or that another has', async () => {
    const { id, said } = await conversation(2);
    const bob = ApiClient.of(t.url, `${user}-bob`);
    const { id: foreign } = await bob.conversation();
    const { message } = await bob.say(foreign, 'Later');
    await remove(said[1].message.id);
    for (const never of [message.id, newId(), said[1].user_message.id]) {
      const feed = await alice.feed(id, { 'last-event-id': `${never}:1` });
      expect([feed.status, (await feed.problem()).code]).toEqual([400, 'invalid_last_event_id']);
    }
    const feed = await bob.feed(foreign, { 'last-event-id': `${said[1].message.id}:1` });
    expect(feed.status).toBe(400);
  });

  it('is known to a feed that comes back while it is among the last hundred', async () => {
    const { id, said } = await conversation(101);
    await remove(said[0].user_message.id);
    const statuses = [];
    for (const { message } of [said[0], said[1], said[100]]) {
      const feed = await alice.feed(id, { 'last-event-id': `${message.id}:1` });
      statuses.push(feed.status);
      feed.close();
    }
    expect(statuses).toEqual([400, 200, 200]);
  }, 30_000);

  it('a title that somebody has set stays', async () => {
    const { id, said } = await conversation(1);
    await alice.patch(`/conversations/${id}`, { title: 'Turn 0' });
    await remove(said[0].user_message.id);
    const { body } = await alice.get<Page<NamedConversation>>('/conversations');
    expect(body.data).toMatchObject([{ id, title: 'Turn 0', title_source: 'user', unread: false }]);
  });

  it('cannot be removed while something of it runs or waits', async () => {
    const { id, said } = await conversation(1);
    const gate = hold();
    model.script(reply(['One', gate]));
    const stream = await (await alice.stream(id, 'And?')).count(2);
    for (const message of [said[0].user_message.id, stream.messageId])
      expect((await alice.delete(`/messages/${message}`)).body).toMatchObject({
        status: 409,
        code: 'reply_in_progress',
      });
    expect(await pathOf(id)).toHaveLength(4);
    gate.release();
    await stream.done();
    await remove(stream.messageId);
  });

  it('is kept by forks, and what it has used stays counted', async () => {
    const usage = async () => (await alice.get<{ total: object }>('/usage')).body.total;
    const { id, said } = await conversation(2);
    const { body: fork } = await alice.post<{ id: string }>(`/conversations/${id}/fork`);
    const used = await usage();
    await remove(said[0].user_message.id);
    expect(await usage()).toEqual(used);
    expect(await pathOf(fork.id)).toHaveLength(4);
  });

  it('is nobody else’s to remove', async () => {
    const { said } = await conversation(1);
    const bob = ApiClient.of(t.url, `${user}-bob`);
    for (const id of [said[0].message.id, '019a5b1c-7f00-7000-8000-000000000001', 'x'])
      expect((await bob.delete(`/messages/${id}`)).body).toMatchObject({
        status: 404,
        code: 'message_not_found',
      });
    expect((await alice.message(said[0].message.id)).status).toBe('completed');
  });

  it('with very much below it goes in slices, and with more than the bound not at all', async () => {
    const { id, said } = await conversation(1);
    const add = (count: number) =>
      t.app.get(DataSource).query(
        `WITH last AS (SELECT * FROM messages WHERE conversation_id = $1 ORDER BY sequence DESC LIMIT 1), added AS (
           INSERT INTO messages (id, conversation_id, user_id, parent_id, branch_id, depth, sequence, role, status, parts, created_at, updated_at)
           SELECT gen_random_uuid(), l.conversation_id, l.user_id, $3, gen_random_uuid(), l.depth + n, l.sequence + n, 'user', 'completed', '[]', now(), now()
           FROM last l, generate_series(1, $2::int) AS n RETURNING 1
         ) UPDATE conversations SET message_count = message_count + $2, last_sequence = last_sequence + $2 WHERE id = $1`,
        [id, count, said[0].message.id],
      );
    const { removedBelow, removedAtOnce } = STORAGE_BOUNDS;
    // Fewer, so that a busy machine has them as well.
    const [below, atOnce] = [{ ...removedBelow }, { ...removedAtOnce }];
    Object.assign(removedBelow, { limit: 600 });
    Object.assign(removedAtOnce, { limit: 100 });
    onTestFinished(() => {
      Object.assign(removedBelow, below);
      Object.assign(removedAtOnce, atOnce);
    });
    await add(removedBelow.limit);
    expect((await alice.delete(`/messages/${said[0].user_message.id}`)).body).toMatchObject({
      status: 409,
      code: 'too_much_below',
    });
    const feed = await UserFeedClient.open(t.url, { user });
    await remove(said[0].message.id);
    expect(await pathOf(id)).toEqual([said[0].user_message.id]);
    const slices = Math.ceil((removedBelow.limit + 1) / removedAtOnce.limit);
    await feed.until(
      () =>
        feed.of('message.deleted').flatMap(({ data }) => data.message_ids).length === removedBelow.limit + 1,
    );
    expect(feed.of('message.deleted').length).toBeGreaterThanOrEqual(slices);
    feed.close();
  });
});
