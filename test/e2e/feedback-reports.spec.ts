import { STORAGE_BOUNDS } from '../../src/config/bounds';
import { DataSource } from 'typeorm';
import { UsersService } from '../../src/users/users.service';
import { bearer, logIn, newKey, type Person, signUp } from '../support/accounts';
import type { ApiClient, Page } from '../support/api-client';
import { reply } from '../support/model-server/behaviours';
import { useChatApp } from '../support/use-chat-app';

const t = useChatApp(
  { AUTH_MODE: 'token', JWT_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e' },
  { own: "counts everybody's feedback" },
);
const { model } = t;

interface Given {
  id: string;
  user_id: string;
  conversation_id: string;
  message_id: string;
  model: string;
  rating: number;
  comment: string | null;
  tags: string[];
  created_at: string;
}
type Exported = Given & { question: string | null; answer: string };
interface Summary {
  data: { key: string | null; count: number; average: number }[];
  data_truncated?: boolean;
}

let root: Person;
let admin: ApiClient;
let alice: Person;
let bob: Person;

const rows = <Row extends object>(statement: string, parameters: unknown[] = []) =>
  t.app.get(DataSource).query<Row[]>(statement, parameters);

async function rated({ api }: Person, rating: number, tags: string[] = [], comment?: string): Promise<Given> {
  const { id } = await api.conversation();
  const { message } = await api.say(id, `Question ${rating}`);
  const answer = await api.post<Given>('/feedback', { message_id: message.id, rating, tags, comment });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body;
}

async function exported(query = '', api = admin): Promise<Exported[]> {
  const { status, text } = await api.get(`/feedback/export${query}`);
  expect(status).toBe(200);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Exported);
}

const summary = async (query: string) => (await admin.get<Summary>(`/feedback/summary${query}`)).body;
const audited = async () =>
  (
    await rows<{ action: string }>(
      `SELECT action FROM audit_events WHERE action LIKE 'feedback.%' ORDER BY id`,
    )
  ).map(({ action }) => action);

beforeAll(async () => {
  root = await signUp(t.url, 'root');
  await t.app.get(UsersService, { strict: false }).update(root.id, { role: 'admin' });
  admin = bearer(t.url, (await logIn(t.url, 'root')).access_token);
  alice = await signUp(t.url, 'alice');
  bob = await signUp(t.url, 'bob');
  model.otherwise(reply('The answer.'));
  await rated(alice, 1, ['wrong', 'slow'], 'Not good.');
  await rated(alice, 4, ['fast']);
  await rated(bob, 5, ['fast', 'kind'], 'Good.');
});

describe("everybody's feedback", () => {
  it('is listed for administrators, with whose it is and which model replied', async () => {
    const before = (await audited()).length;
    const { body } = await admin.get<Page<Given>>('/feedback?all=true');
    expect(body.data.map(({ user_id, rating, tags, comment }) => [user_id, rating, tags, comment])).toEqual([
      [bob.id, 5, ['fast', 'kind'], 'Good.'],
      [alice.id, 4, ['fast'], null],
      [alice.id, 1, ['wrong', 'slow'], 'Not good.'],
    ]);
    expect(new Set(body.data.map((each) => each.model))).toEqual(new Set(['test-model']));
    expect((await admin.get<Page<Given>>('/feedback')).body.data).toEqual([]);
    expect((await admin.pages<Given>('/feedback?all=true', 2)).map(({ length }) => length)).toEqual([2, 1]);
    const mine = (await alice.api.get<Page<Given>>('/feedback?all=false')).body.data;
    expect(mine.map((each) => 'user_id' in each || 'model' in each)).toEqual([false, false]);
    expect((await audited()).slice(before)).toEqual(Array(3).fill('feedback.listed'));
  });

  it('is filtered', async () => {
    const ratings = async (query: string) =>
      (await admin.get<Page<Given>>(`/feedback?all=true&${query}`)).body.data.map(({ rating }) => rating);
    expect(await ratings('rating=4')).toEqual([4]);
    expect(await ratings('tag=fast')).toEqual([5, 4]);
    expect(await ratings('model=test-model&tag=wrong')).toEqual([1]);
    expect(await ratings('model=other')).toEqual([]);
    expect(await ratings('to=2020-01-01')).toEqual([]);
    expect(await ratings(`from=${new Date(Date.now() - 60_000).toISOString()}`)).toEqual([5, 4, 1]);
  });

  it('is summarized by model, day and tag', async () => {
    const today = new Date().toISOString().slice(0, 10);
    expect(await summary('?group_by=model')).toEqual({
      data: [{ key: 'test-model', count: 3, average: 10 / 3 }],
    });
    expect(await summary('?group_by=day')).toEqual({ data: [{ key: today, count: 3, average: 10 / 3 }] });
    expect(await summary('')).toEqual(await summary('?group_by=day'));
    expect(await summary('?group_by=tag')).toEqual({
      data: [
        { key: 'fast', count: 2, average: 4.5 },
        { key: 'kind', count: 1, average: 5 },
        { key: 'slow', count: 1, average: 1 },
        { key: 'wrong', count: 1, average: 1 },
      ],
    });
    expect((await summary('?group_by=tag&rating=5')).data.map(({ key }) => key)).toEqual(['fast', 'kind']);
    expect((await admin.get('/feedback/summary?group_by=user')).status).toBe(400);
    expect(await audited()).toContain('feedback.summarized');
  });

  it('is exported with question and answer, oldest first', async () => {
    const response = await admin.get('/feedback/export');
    expect([response.headers.get('content-type'), response.headers.get('content-disposition')]).toEqual([
      'application/x-ndjson',
      'attachment; filename="feedback.ndjson"',
    ]);
    const lines = await exported();
    expect(lines.map(({ user_id, rating, question, answer }) => [user_id, rating, question, answer])).toEqual(
      [
        [alice.id, 1, 'Question 1', 'The answer.'],
        [alice.id, 4, 'Question 4', 'The answer.'],
        [bob.id, 5, 'Question 5', 'The answer.'],
      ],
    );
    expect(lines[0]).toMatchObject({ model: 'test-model', comment: 'Not good.', tags: ['wrong', 'slow'] });
    expect((await exported('?tag=kind')).map(({ rating }) => rating)).toEqual([5]);
    expect(await exported('?from=9999-01-01')).toEqual([]);
    expect(await audited()).toContain('feedback.exported');
  });

  it('is for no others, nor for API keys, and then not recorded', async () => {
    const before = await audited();
    const key = await newKey({ ...root, api: admin });
    for (const path of ['/feedback?all=true', '/feedback/summary', '/feedback/export']) {
      const refused = await alice.api.get(path);
      expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
      const byKey = await bearer(t.url, key.key).get(path);
      expect([byKey.status, byKey.body.code]).toEqual([403, 'insufficient_scope']);
    }
    expect(await audited()).toEqual(before);
  });

  it('of what is deleted is gone', async () => {
    const carol = await signUp(t.url, 'carol');
    const given = await rated(carol, 2, ['gone']);
    expect((await summary('?group_by=tag&tag=gone')).data).toHaveLength(1);
    await carol.api.delete(`/conversations/${given.conversation_id}`);
    expect((await summary('?group_by=tag&tag=gone')).data).toEqual([]);
    expect((await admin.get<Page<Given>>('/feedback?all=true&tag=gone')).body.data).toEqual([]);
    expect(await exported('?tag=gone')).toEqual([]);
  });

  it('is exported whole where it is much, page by page, though answers are long', async () => {
    const dave = await signUp(t.url, 'dave');
    const { limit } = STORAGE_BOUNDS.exportedFeedback;
    model.otherwise(reply('long '.repeat(60_000)));
    const { conversation_id, message_id } = await rated(dave, 3, ['long']);
    model.reset();
    model.otherwise(reply('The answer.'));
    // Copies of the same reply, each with feedback of the same moment.
    await rows(
      `WITH copies AS (
         INSERT INTO messages (id, conversation_id, user_id, parent_id, branch_id, depth, sequence, role, status, parts, model, created_at, updated_at)
         SELECT gen_random_uuid(), conversation_id, user_id, parent_id, gen_random_uuid(), depth, sequence + n, role, status, parts, model, created_at, updated_at
         FROM messages, generate_series(1, $2) AS n WHERE id = $1 RETURNING id, user_id, conversation_id
       ) INSERT INTO feedback (id, user_id, message_id, conversation_id, rating, tags, created_at, updated_at)
       SELECT gen_random_uuid(), user_id, id, conversation_id, 3, '{long}', now(), now() FROM copies`,
      [message_id, 2 * limit + 3],
    );
    const lines = await exported('?tag=long');
    expect(lines).toHaveLength(2 * limit + 4);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(lines.length);
    expect(new Set(lines.map(({ answer }) => answer.length))).toEqual(new Set([300_000]));
    await dave.api.delete(`/conversations/${conversation_id}`);
  });

  it('has a summary of a thousand rows at most', async () => {
    const erin = await signUp(t.url, 'erin');
    const given = await rated(erin, 3, ['common']);
    await rows('UPDATE feedback SET tags = $2::text[] WHERE id = $1', [
      given.id,
      Array.from({ length: STORAGE_BOUNDS.feedbackGroups.limit + 1 }, (_, i) => `tag${i}`),
    ]);
    await rated(erin, 1, ['tag7']);
    const { data, data_truncated } = await summary('?group_by=tag');
    expect([data.length, data_truncated]).toEqual([STORAGE_BOUNDS.feedbackGroups.limit, true]);
    expect(data.find(({ key }) => key === 'tag7')).toEqual({ key: 'tag7', count: 2, average: 2 });
  });
});
