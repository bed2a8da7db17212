import type { ApiClient } from '../../support/api-client';
import { useChatApp } from '../../support/use-chat-app';
import { search } from './support';

const t = useChatApp();
const alice: ApiClient = t.client('alice');

const refusal = async (path: string) => {
  const { status, body } = await alice.get(path);
  return [status, body.code, body.errors && [...new Set(body.errors.map((each) => each.path))]];
};
const asked = (q: string) => refusal(`/search?q=${encodeURIComponent(q)}`);

describe('what can be searched for', () => {
  it.each(['.', '--', '"', '""', '- - -', '。、！', '___', '🙂', '-only', '-only -minus', "'", '\\', '%'])(
    'has something that is wanted, unlike %j',
    async (q) => expect(await asked(q)).toEqual([400, 'invalid_search', ['q']]),
  );

  it('has a length and a number of words', async () => {
    expect(await asked('x'.repeat(500))).toEqual([200, undefined, undefined]);
    expect(await asked('x'.repeat(501))).toEqual([400, 'validation_failed', ['q']]);
    expect(await asked('x'.repeat(10_000))).toEqual([400, 'validation_failed', ['q']]);
    expect(await asked('x '.repeat(64).trim())).toEqual([200, undefined, undefined]);
    expect(await asked('x '.repeat(65).trim())).toEqual([400, 'invalid_search', ['q']]);
    expect(await asked('挪'.repeat(65))).toEqual([200, undefined, undefined]);
    expect(await asked('挪'.repeat(66))).toEqual([400, 'invalid_search', ['q']]);
    expect(await refusal('/search')).toEqual([400, 'validation_failed', ['q']]);
    expect(await refusal('/search?q=')).toEqual([400, 'validation_failed', ['q']]);
    expect((await refusal('/search?q=%00a'))[0]).toBe(400);
    expect((await refusal('/search?q=a&q=b'))[0]).toBe(400);
    expect((await refusal('/search?q[]=a'))[0]).toBe(400);
  });

  it.each([
    'role=system',
    'from=yesterday',
    'to=2026-13-01',
    'from=2026-W01',
    'to=now',
    'conversation_id=a/b',
    'limit=0',
  ])('is filtered by what filters are, not by %s', async (filter) =>
    expect((await refusal(`/search?q=a&${filter}`))[0]).toBe(400),
  );

  it('is what it is, whatever a database or a tsquery makes of it', async () => {
    const { id } = await alice.conversation({ title: '-' });
    const odd = `O'Brien said: a\\b & c | !d <-> (e) 'f':*A ~g %h _i $1 ?`;
    const { user_message } = await alice.say(id, odd);
    for (const q of [
      odd,
      "o'brien",
      'a\\b',
      "'f':*",
      '~g',
      '!d',
      '<-> (e)',
      '%h',
      '$1',
      '"said: a"',
      '"said: a',
      'said"',
    ]) {
      const found = await search(alice, q, '&role=user');
      expect([q, found.map(({ message_id }) => message_id)]).toEqual([q, [user_message.id]]);
    }
  });

  it('is found at the end of the longest message, and a word of any length', async () => {
    const { id } = await alice.conversation({ title: '-' });
    const word = 'q'.repeat(5_000);
    const long = `${word} ${'lorem ipsum dolor '.repeat(5_000)} zyzzyva`;
    const { user_message } = await alice.say(id, long);
    const second = await alice.say(id, `${word} 1`);
    const [hit] = await search(alice, 'zyzzyva', '&role=user');
    expect(hit).toMatchObject({ message_id: user_message.id });
    expect(hit.snippet.slice(...hit.highlights[0])).toBe('zyzzyva');
    const both = await search(alice, word.slice(0, 500), '&role=user');
    expect(new Set(both.map(({ message_id }) => message_id))).toEqual(
      new Set([user_message.id, second.user_message.id]),
    );
  });

  it('is looked for under a key of the client', async () => {
    const { id } = await alice.conversation({ title: 'A kestrel', key: 'birds' });
    expect(await search(alice, 'kestrel', '&conversation_id=birds')).toMatchObject([
      { conversation: { id } },
    ]);
    expect(await refusal('/search?q=a&conversation_id=no-birds')).toEqual([
      404,
      'conversation_not_found',
      undefined,
    ]);
  });
});
