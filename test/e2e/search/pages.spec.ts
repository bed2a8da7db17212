import { DataSource } from 'typeorm';
import { SEARCH_BOUNDS } from '../../../src/config/bounds';
import { reply } from '../../support/model-server/behaviours';
import { useChatApp } from '../../support/use-chat-app';
import { repeatEntry, search, type Hit } from './support';

const t = useChatApp({}, { own: 'fills the index' });
const alice = t.client('alice');

async function say(question: string) {
  const { id } = await alice.conversation({ title: '-' });
  t.model.script(reply('Yes.'));
  const { user_message } = await alice.say(id, question);
  return { id, messageId: user_message.id };
}

describe('pages of a search', () => {
  it('have each of many hits once, also where something is said or deleted meanwhile', async () => {
    const { id, messageId } = await say('a gannet');
    await search(alice, 'gannet');
    await repeatEntry(t, messageId, 900);
    let between = 0;
    const pages = await alice.pages<Hit>('/search?q=gannet', 100, async () => {
      between += 1;
      if (between === 2) await say('a gannet again');
    });
    const seen = pages.flat().map(({ message_id }) => message_id);
    expect(seen.length).toBe(901);
    expect(new Set(seen).size).toBe(901);
    // What is ranked together is the newest four hundred.
    expect(pages.slice(0, 4).map(({ length }) => length)).toEqual([100, 100, 100, 100]);
    await alice.delete(`/conversations/${id}`);
    expect((await search(alice, 'gannet')).map(({ conversation }) => conversation.id)).not.toContain(id);
  });

  it('end before they are made of too much text', async () => {
    const { messageId } = await say(`a dunlin ${'word '.repeat(19_000)}`);
    await search(alice, 'dunlin');
    await repeatEntry(t, messageId, 30);
    const pages = await alice.pages<Hit>('/search?q=dunlin', 100);
    expect(pages.length).toBeGreaterThan(2);
    expect(new Set(pages.flat().map(({ message_id }) => message_id)).size).toBe(31);
  });

  it('are looked for in as many pieces of the index as it takes', async () => {
    const { messageId } = await say('a lone godwit');
    expect(await search(alice, 'godwit', '&role=user')).toHaveLength(1);
    // Later ones, in which there is nothing.
    await t.app.get(DataSource).query(
      `INSERT INTO search_segments (user_id, segment, opened_at, from_at)
       SELECT user_id, max(segment) + n, now(), now() FROM search_segments, generate_series(1, $2::int) n WHERE user_id = $1 GROUP BY user_id, n`,
      [t.user('alice'), SEARCH_BOUNDS.searchedSegments.limit + SEARCH_BOUNDS.phraseSegments.limit],
    );
    // A busy machine may take more than one page for it.
    const found = async (q: string) => {
      const pages = await alice.pages<Hit>(`/search?role=user&q=${encodeURIComponent(q)}`, 20);
      return pages.flat().map(({ message_id }) => message_id);
    };
    for (const q of ['godwit', '"lone godwit"', 'lone "a lone"', 'godwit -"lone wolf"'])
      expect([q, await found(q)]).toEqual([q, [messageId]]);
    expect(await found('"godwit lone"')).toEqual([]);
  });

  it('are of the search that they go on with', async () => {
    await say('a petrel');
    await say('a petrel');
    const first = await alice.get<{ next_cursor: string }>('/search?q=petrel&limit=1');
    const { next_cursor } = first.body;
    for (const path of ['/search?q=petrels', '/search?q=petrel&role=user', '/conversations?limit=1'])
      expect((await alice.get(`${path}&cursor=${next_cursor}`.replace('?&', '?'))).status).toBe(400);
    expect((await t.client('bob').get(`/search?q=petrel&cursor=${next_cursor}`)).status).toBe(400);
  });
});
