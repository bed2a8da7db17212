import { DataSource } from 'typeorm';
import { SearchRefreshJob } from '../../../src/search/search-refresh.job';
import type { ApiClient } from '../../support/api-client';
import { hold } from '../../support/model-server/gate';
import { reply } from '../../support/model-server/behaviours';
import { until } from '../../support/until';
import { useChatApp } from '../../support/use-chat-app';
import { search, type Hit } from './support';

// Titles are first words, so that none comes while a test looks.
const t = useChatApp({ TITLE_MODEL: 'off' }, { own: 'runs the job of everybody' });
let users = 0;
let name: string;
let alice: ApiClient;
const sql = <Row>(statement: string, parameters: unknown[] = []): Promise<Row[]> =>
  t.app.get(DataSource).query(statement, parameters);

/** Of messages of alice. */
const entries = () =>
  sql('SELECT id FROM search_entries WHERE user_id = $1 AND role IS NOT NULL', [t.user(name)]);
const unindexed = () => sql('SELECT id FROM conversations WHERE indexed_to < last_sequence');
const ids = (hits: readonly Hit[]) => hits.map(({ message_id }) => message_id);

async function say(question: string, answer = 'Yes.') {
  const { id } = await alice.conversation({ title: '-' });
  t.model.script(reply(answer));
  return { id, ...(await alice.say(id, question)) };
}

beforeEach(() => {
  t.model.reset();
  name = `alice-${(users += 1)}`;
  alice = t.client(name);
});

describe('what is said', () => {
  it('is indexed by the next search, not by the turn', async () => {
    const { user_message, message } = await say('a shelduck', 'A shelduck, too.');
    expect(await entries()).toEqual([]);
    const hits = await Promise.all([search(alice, 'shelduck'), search(alice, 'shelduck')]);
    for (const found of hits) expect(new Set(ids(found))).toEqual(new Set([user_message.id, message.id]));
    expect(await entries()).toHaveLength(2);
    expect(await unindexed()).toEqual([]);
  });

  it('is indexed by the job for those who do not search', async () => {
    await say('a shoveler');
    const other = t.client('bob');
    t.model.script(reply('Yes.'));
    await other.say((await other.conversation({ title: '-' })).id, 'a shoveler');
    await t.app.get(SearchRefreshJob).run(new AbortController().signal);
    expect(await unindexed()).toEqual([]);
    expect(await entries()).toHaveLength(2);
    expect(await search(alice, 'shoveler')).toHaveLength(1);
    expect(await search(other, 'shoveler')).toHaveLength(1);
  });

  it('is found while the reply to it runs, and the reply once it has ended', async () => {
    const { id } = await alice.conversation({ title: '-' });
    const gate = hold();
    t.model.script(reply(['A garganey', gate, ' indeed.']));
    const stream = await alice.stream(id, 'a garganey');
    await stream.until(() => stream.text === 'A garganey');
    const question = ids(await search(alice, 'garganey'));
    expect(question).toHaveLength(1);
    expect(await unindexed()).toEqual([]);
    gate.release();
    await stream.done();
    const both = ids(await search(alice, 'garganey'));
    expect(both).toHaveLength(2);
    expect(both).toEqual(expect.arrayContaining(question));
    expect(await entries()).toHaveLength(2);
  });

  it('is not found once it is deleted, indexed or not', async () => {
    const { id, message } = await say('a gadwall', 'A gadwall, too.');
    await alice.delete(`/messages/${message.id}`);
    expect(await search(alice, 'gadwall')).toHaveLength(1);
    await alice.delete(`/conversations/${id}`);
    expect(await search(alice, 'gadwall')).toEqual([]);
    await until(async () => (await entries()).length === 0);
  });

  it('is indexed in pieces where it is more than one search has time for', async () => {
    const { id, user_message } = await say('a wigeon');
    // The embedded database gives a statement a few seconds, on a busy machine, too.
    for (let first = 1; first <= 2_500; first += 100)
      await sql(
        `INSERT INTO messages SELECT (json_populate_record(NULL::messages, (to_jsonb(m) || jsonb_build_object(
           'id', gen_random_uuid(), 'branch_id', gen_random_uuid(), 'sequence', 10 + n))::json)).*
         FROM messages m, generate_series($2::int, $3::int) n WHERE m.id = $1`,
        [user_message.id, first, first + 99],
      );
    await sql('UPDATE conversations SET last_sequence = 2510 WHERE id = $1', [id]);
    await search(alice, 'wigeon');
    expect((await entries()).length).toBeLessThan(2_300);
    expect((await unindexed()).length).toBe(1);
    await search(alice, 'wigeon');
    // The question, its copies, and the reply.
    expect((await entries()).length).toBe(2_502);
    expect(await unindexed()).toEqual([]);
  });
});
