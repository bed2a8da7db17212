import { DataSource } from 'typeorm';
import { bearer, logIn } from '../../support/accounts';
import type { Conversation, Page } from '../../support/api-client';
import { until } from '../../support/until';
import { createOlderDatabase } from '../../support/older-database';
import { useChatApp } from '../../support/use-chat-app';

const SENTENCE = 'The answer is “42” — ünïcode 🙂 and done.';
const WORDS = Array.from({ length: 40 }, (_, index) => `word${index} `).join('');

const older = () => createOlderDatabase('0.1.0');

describe('a database that version 0.1.0 has left behind, with replies on their way', () => {
  const t = useChatApp({}, { own: 'has a database of an older version', database: older });
  const alice = t.client('alice');

  async function repliesOf(title: string) {
    const { body } = await alice.get<Page<Conversation>>('/conversations?limit=100');
    const id = body.data.find((conversation) => conversation.title === title)?.id ?? '';
    const history = await alice.history(id);
    return { conversationId: id, replies: history.filter(({ role }) => role === 'assistant') };
  }

  it('closes what ran with every character that was shown', async () => {
    const open = await until(async () => {
      const { replies } = await repliesOf('Open');
      return replies[0].status === 'interrupted' ? replies[0] : undefined;
    });
    expect(open.content).toBe(SENTENCE + WORDS);
    expect(open.parts[0]).toEqual({ type: 'reasoning', text: 'Let me think. ' });
    const replay = await (await alice.follow(open.id)).done();
    expect(replay.last).toMatchObject({ type: 'error', data: { code: 'interrupted' } });
  });

  it('begins what was queued once that is closed', async () => {
    const { replies } = await until(async () => {
      const found = await repliesOf('Open too');
      return found.replies.every(({ status }) => status !== 'streaming' && status !== 'queued')
        ? found
        : undefined;
    });
    expect(replies.map(({ status }) => status)).toEqual(['interrupted', 'completed']);
    expect(replies[0].content).toBe(SENTENCE + WORDS);
  });

  it('goes on with its conversations', async () => {
    const { conversationId } = await repliesOf('Old times');
    expect((await alice.say(conversationId, 'Still there?')).message.status).toBe('completed');
  });

  it('leaves nothing of the processes that were there', async () => {
    await until(async () => {
      const rows: { journal: number; open: number }[] = await t.app.get(DataSource).query(
        `SELECT (SELECT count(*)::int FROM reply_journal j WHERE NOT EXISTS (SELECT 1 FROM instances i WHERE i.id = j.instance_id))
           AS journal, (SELECT count(*)::int FROM open_replies) AS open`,
      );
      return rows[0].journal + rows[0].open === 0 || undefined;
    });
  });
});

describe('the accounts of such a database', () => {
  const t = useChatApp(
    { AUTH_MODE: 'token', JWT_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e' },
    { own: 'has a database of an older version', database: older },
  );

  it('log in by name and by address, and see what is theirs', async () => {
    for (const login of ['ada', 'Ada', 'ADA@example.com']) {
      const { access_token } = await logIn(t.url, login, 'correct horse battery');
      const api = bearer(t.url, access_token);
      expect((await api.get<{ username: string }>('/auth/me')).body.username).toBe('ada');
      expect((await api.get<Page<object>>('/api-keys')).body.data).toHaveLength(1);
      expect((await api.get<Page<object>>('/providers')).body.data).toHaveLength(1);
    }
  });

  it('keep their names', async () => {
    const body = { username: 'ADA', email: 'other@example.com', password: 'correct horse battery' };
    const answer = await bearer(t.url).post('/auth/register', body);
    expect([answer.status, answer.body.code]).toEqual([409, 'username_taken']);
  });
});

describe('a database of the build before there was search', () => {
  const t = useChatApp(
    {},
    { own: 'has a database of an older version', database: () => createOlderDatabase('before-search') },
  );
  const alice = t.client('alice');
  const bob = t.client('bob');

  interface Hit {
    message_id: string | null;
    snippet: string;
  }
  const search = async (client: typeof alice, q: string) => {
    const { status, body, text } = await client.get<Page<Hit>>(`/search?q=${encodeURIComponent(q)}`);
    if (status !== 200) throw new Error(text);
    return body.data.map(({ snippet }) => snippet).toSorted();
  };
  const soon = (q: string, count: number) =>
    until(async () => {
      const found = await search(alice, q);
      return found.length === count && found;
    }, 60_000);

  it('is indexed: all branches, titles, any language, and what was on its way', async () => {
    expect(await soon('nest', 3)).toEqual([
      'Puffins nest in burrows.',
      'Where do guillemots nest?',
      'Where do puffins nest?',
    ]);
    expect(await soon('seabird', 1)).toEqual(['Seabirds of the Faroes']);
    // The first words are a title, too.
    expect(await soon('海鹦', 2)).toEqual(['海鹦在哪里筑巢？', '海鹦在哪里筑巢？']);
    expect(await soon('razorbill', 2)).toContain('What of the razorbill?');
    expect(await search(alice, 'albatross')).toEqual([]);
  });

  it('keeps its users apart', async () => {
    expect(new Set(await search(bob, 'puffin'))).toEqual(new Set(['Puffins are also known to bob.']));
    expect(await search(bob, 'guillemot')).toEqual([]);
    expect(await search(alice, 'kittiwake')).toEqual([]);
  });
});
