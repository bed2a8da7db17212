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

  it.each([
    ['Chinese', '我在上海图书馆查资料', ['图书馆', '上海', '资', '"上海图书"']],
    ['Chinese beyond 16 bits', '𠮷野家で𠀋𠀌食', ['𠮷', '𠮷野', '𠀋', '𠀌', '𠀌食']],
    ['Japanese, narrow and wide', 'ｶﾞｽ会社で働く', ['ガス', 'ｶﾞｽ', '会社で']],
    ['Korean', '서울에서 만나요', ['서울', '서울에서', '만나']],
    ['Thai', 'ฉันชอบอาหารไทยมาก', ['อาหาร', 'ไทย', '"อาหารไทย"']],
    ['Hebrew', 'שָׁלוֹם לעולם', ['שלום', 'שָׁלוֹם', 'לעול']],
    ['Arabic', 'مَرْحَبًا بالعالم', ['مرحبا', 'مَرْحَبًا', 'بالعا']],
    ['composed', 'Caf\u00e9 cr\u00e8me', ['cafe\u0301', 'caf\u00e9', 'cafe', 'CR\u00c8ME']],
    ['decomposed', 'Zu\u0308rich Bu\u0308cherei', ['z\u00fcrich', 'Zu\u0308rich', 'zurich', 'b\u00fccher']],
    [
      'emoji between words',
      'lighthouse🏖️beach 👩‍👩‍👧 dunes',
      ['lighthouse', 'beach', 'lighthouse🏖️beach', '🏖️ dunes'],
    ],
    ['between directions', '\u202eabroad\u202c and \u200fhome', ['abroad', '\u200fabroad', 'home']],
    [
      'control characters',
      'seagull\u0007wing\u001bfeather',
      ['seagull wing', 'seagull\u0007wing', '\u001bfeather'],
    ],
  ])('is found however it is written: %s', async (_, said, queries) => {
    const { id } = await alice.conversation({ title: '-' });
    const { user_message } = await alice.say(id, said);
    for (const q of queries) {
      const hits = (await search(alice, q, `&conversation_id=${id}&role=user`)).map((hit) => hit.message_id);
      expect([q, hits]).toEqual([q, [user_message.id]]);
    }
    expect(await search(alice, `nothing ${queries[0]}`, `&conversation_id=${id}`)).toEqual([]);
  });

  it.each([
    ['two thousand words', 'word '.repeat(2_000), 400],
    ['ten thousand words', 'word '.repeat(10_000), 431],
    ['nothing but stops', '. ! ? 。 '.repeat(60), 400],
    ['a hundred minuses', '-'.repeat(400), 400],
    ['quotes without end', '"'.repeat(399) + 'a', 200],
    ['unwanted words alone', '-a -b -c', 400],
    ['a tsquery', "a & (b | !c) <-> 'd':*A", 200],
    ['an expression', '(a+)+$ ^[a-z]*(?=b)', 200],
    ['SQL', "'; DROP TABLE messages; --", 200],
    ['half of a pair', '\ud83d word', 200],
    ['the other half', 'word\udf0a', 200],
    ['marks on one letter', `a${'\u0301'.repeat(400)}`, 200],
    ['letters that become many', '\ufdfa'.repeat(60), 200],
    ['one letter of each word', 'a b c d e f g h i j k l m n o p q r s t u v w x y z', 200],
    ['pairs without end', '漢'.repeat(500), 400],
  ])('is answered soon, or refused: %s', async (_, q, status) => {
    const well = q.isWellFormed() ? encodeURIComponent(q) : encodeURIComponent(q.toWellFormed());
    const began = performance.now();
    const answer = await alice.get(`/search?q=${well}`);
    expect(answer.status).toBe(status);
    if (status === 400) expect(answer.body.errors?.map(({ path }) => path)).toEqual(['q']);
    const listed = await alice.get(`/conversations?q=${well}`);
    expect([200, 400, 431]).toContain(listed.status);
    // A database that is busy with something else gives it seconds; one that does it for each word of each message never answers.
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it('is text: bytes that are none are no word', async () => {
    for (const bytes of ['%ED%A0%80', '%FF%FE', '%C0%80', 'a%F0%9F'])
      expect([200, 400]).toContain((await alice.get(`/search?q=${bytes}`)).status);
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
