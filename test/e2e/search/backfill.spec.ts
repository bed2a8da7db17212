import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { SearchBackfill } from '../../../src/search/search-backfill';
import type { Page } from '../../support/api-client';
import { reply } from '../../support/model-server/behaviours';
import { until } from '../../support/until';
import { useChatApp } from '../../support/use-chat-app';

const t = useChatApp({}, { own: 'forgets what was indexed of everybody' });
const alice = t.client('alice');
const sql = <Row>(statement: string): Promise<Row[]> => t.app.get(DataSource).query(statement);

interface Hit {
  message_id: string | null;
  role: string | null;
  conversation: { id: string };
}
const search = async (query: string) => (await alice.get<Page<Hit>>(`/search?q=${query}`)).body.data;

/** On all pages: so much text is more than one. */
const found = async (query: string) => (await alice.pages<Hit>(`/search?q=${query}`, 100)).flat();

/** As a database of a version without search is after its migration. */
async function forget(): Promise<void> {
  await sql('DELETE FROM search_entries');
  await sql('DELETE FROM search_segments');
  await sql('UPDATE conversations SET indexed_from = NULL, indexed_to = NULL');
}

async function say(question: string, title: string) {
  const { id } = await alice.conversation({ title });
  t.model.script(reply('A badger.'));
  return { id, ...(await alice.say(id, question)) };
}

describe('what was stored before there was search', () => {
  it('is found once the job has been there, and so is what is said meanwhile', async () => {
    const first = await say('an ostrich', 'The albatross');
    const second = await say('an ostrich', '-');
    await forget();
    expect(await search('ostrich')).toEqual([]);
    t.model.script(reply('A badger.'));
    const third = await alice.say(first.id, 'another ostrich');
    expect(await search('ostrich')).toMatchObject([{ message_id: third.user_message.id }]);
    await t.app.get(SearchBackfill).run(new AbortController().signal);
    const ids = (await search('ostrich')).map(({ message_id }) => String(message_id));
    expect(ids.toSorted()).toEqual(
      [first, second, third].map(({ user_message }) => user_message.id).toSorted(),
    );
    expect(await search('albatross')).toMatchObject([{ message_id: null, conversation: { id: first.id } }]);
    expect(await search('badger')).toHaveLength(3);
    expect((await search('ostrich&to=2001-01-01')).length).toBe(0);
    expect((await search('ostrich&from=2001-01-01')).length).toBe(3);
    expect(await sql('SELECT 1 FROM conversations WHERE indexed_from <> 0')).toEqual([]);
  });

  it('is indexed piece by piece, and a run goes on where one has ended', async () => {
    const { id } = await alice.conversation({ title: 'long' });
    for (let count = 0; count < 4; count++) {
      t.model.script(reply('A marmot.'));
      await alice.say(id, `marmot ${count} ${'x'.repeat(1_000)}`);
    }
    // More than one slice takes.
    await sql(
      `UPDATE messages SET parts = jsonb_build_array(jsonb_build_object('type', 'text', 'text', 'marmot ' || repeat('word ', 100000)))
       WHERE conversation_id = '${id}' AND role = 'user'`,
    );
    await forget();
    const ended = new AbortController();
    const backfill = t.app.get(SearchBackfill);
    const running = backfill.run(ended.signal);
    // A slice that has begun is done.
    ended.abort();
    await running;
    const { length } = await found('marmot');
    expect(length).toBeGreaterThan(0);
    expect(length).toBeLessThan(8);
    await backfill.run(new AbortController().signal);
    expect((await found('marmot')).length).toBe(8);
  });

  // The embedded database has one session, in which nothing is locked by others.
  (process.env.TEST_DATABASE_URL ? it : it.skip)(
    'is indexed although turns hold what is left of it',
    async () => {
      const { id } = await say('a wombat', '-');
      await forget();
      const turn = t.app.get(DataSource).createQueryRunner();
      await turn.startTransaction();
      await turn.query('SELECT 1 FROM conversations WHERE user_id = $1 FOR NO KEY UPDATE', [t.user('alice')]);
      const running = t.app.get(SearchBackfill).run(new AbortController().signal);
      await sleep(500);
      await turn.commitTransaction();
      await turn.release();
      await running;
      expect(await search('wombat')).toMatchObject([{ conversation: { id } }]);
    },
  );

  it('is indexed by the job that a start enqueues', async () => {
    await say('a capybara', '-');
    await forget();
    await t.stop();
    await t.start();
    await until(async () => (await search('capybara')).length === 1);
  });
});
