import { documentOf } from './document';
import { snippetOf } from './snippet';
import { parseQuery, sizeOf, tsqueryOf } from './text-query';
import { readTokens } from './tokens';

function tokens(text: string): string[] {
  const found: string[] = [];
  readTokens(text, (lexeme, position) => found.push(`${lexeme}:${position}`));
  return found;
}

/** The highlighted pieces of the snippet. */
function marked(text: string, query: string): string[] {
  const { text: snippet, highlights } = snippetOf(text, parseQuery(query));
  return highlights.map(([start, end]) => snippet.slice(start, end));
}

describe('tokens', () => {
  it.each([
    ['The Fjords, of Norway!', 'the:1 fjord:2 of:3 norwai:4'],
    ['Crème brûlée in Straße 7', 'creme:1 brule:2 in:3 strass:4 7:5'],
    ['ＦＵＬＬ ﬁne', 'full:1 fine:2'],
    ['getUserById(user_id)', 'getuserbyid:1 get:1 user:1 by:1 id:1 user_id:2 user:2 id:2'],
    ['我喜欢猫。Norway是国家', '我喜:1 喜欢:2 欢猫:3 猫:4 norwai:5 是国:6 国家:7 家:8'],
    ['東京タワー', '東京:1 京タ:2 タワ:3 ワー:4 ー:5'],
    ['ｶﾞｽ', 'ガス:1 ス:2'],
    ['학교에서 만나요', '학교:1 교에:2 에서:3 서:4 만나:5 나요:6 요:7'],
    ['Привет, Ёлка', 'привет:1 елка:2'],
    ['हिन्दी भाषा', 'हिन्दी:1 भाषा:2'],
    ['สวัสดี', 'สว:1 วั:2 ัส:3 สด:4 ดี:5 ี:6'],
    ["don't -- ___ '\\ ~", 'don:1 t:2'],
    ['🏖️ a ️b 猫️ c', 'a:1 b:2 猫:3 c:4'],
  ])('of %j are %s', (text, expected) => expect(tokens(text).join(' ')).toBe(expected));

  it('are the same for a text in parts', () => {
    const text = '我喜欢猫 and state-of-the-art getUserById '.repeat(50);
    const found: string[] = [];
    for (let next = { index: 0, position: 1 }; next.index < text.length;)
      next = readTokens(text, (lexeme, at) => found.push(`${lexeme}:${at}`), {
        from: next.index,
        position: next.position,
        until: next.index + 37,
      });
    expect(found).toEqual(tokens(text));
  });

  it('name the stretch that they are of', () => {
    const text = 'a 👩‍👩‍👧 ｶﾞｽ Crème';
    const pieces: string[] = [];
    readTokens(text, (_lexeme, _position, start, end) => pieces.push(text.slice(start, end)));
    expect(pieces).toEqual(['a', 'ｶﾞｽ', 'ｽ', 'Crème']);
  });
});

describe('a document', () => {
  it('is a tsvector with positions, weights and labels', async () => {
    expect(await documentOf('go, Go! Norway', 'D', ['@user'])).toBe("'~@user' '~go':1,2 '~norwai':3");
    expect(await documentOf('go go', 'A')).toBe("'~go':1A,2A");
  });

  it('holds what a tsvector holds, and the words before that', async () => {
    const words = Array.from({ length: 40_000 }, (_, index) => `w${index}`);
    const many = await documentOf(words.join(' '), 'D');
    expect(many.split(' ').length).toBe(16_384);
    expect(many).toContain("'~w16383':16383");
    const long = await documentOf(words.map((word) => word.padEnd(60, 'é')).join(' '), 'D');
    expect(Buffer.byteLength(long)).toBeLessThan(1_000_000);
  });
});

describe('a query', () => {
  it.each([
    ['norway', "('~norway':* | '~norwai')"],
    ['Fjords norw', "'~fjord' & '~norw':*"],
    ['runnin', "('~runnin':* | '~run' | '~runni')"],
    ['"two weeks"', "'~two' <1> '~week'"],
    ['"two weeks" -oslo', "'~two' <1> '~week' & !('~oslo')"],
    ['-"two weeks" oslo', "'~oslo':* & !('~two' <1> '~week')"],
    ['"two wee', "'~two' <1> '~wee':*"],
    ['state-of-the-art x', "'~state' <1> '~of' <1> '~the' <1> '~art' & '~x':*"],
    ['知识库', "'~知识' <1> '~识库'"],
    ['猫', "'~猫':*"],
    ['猫 狗', "'~猫':* & '~狗':*"],
    ['"手机 iPhone"', "'~手机' <2> '~iphon'"],
    ['getUserB', "'~getuserb':*"],
    ["it's 'quoted' \\ : & | ! <-> ( x", "'~it' <1> '~s' & '~quot' & '~x':*"],
    ['-- - "" "-" -', ''],
    ['-only -minus', "!('~onli') & !('~minu')"],
    ['\0 \ud800 a', "'~a':*"],
  ])('%j is %s', (text, expected) => expect(tsqueryOf(parseQuery(text))).toBe(expected));

  it('has labels, and a size', () => {
    const query = parseQuery('"two weeks" -oslo');
    expect(tsqueryOf(query, ['@user'])).toBe("'~@user' & '~two' <1> '~week' & !('~oslo')");
    expect(sizeOf(query)).toBe(3);
  });
});

describe('a snippet', () => {
  it.each([
    ['We were running in Norway.', 'run norw', ['running', 'Norway']],
    ['Two weeks, two days, weeks', '"two weeks"', ['Two', 'weeks']],
    ['北京大学在北京。', '北京大学', ['北京大学']],
    ['北京大学在北京。', '北京', ['北京', '北京']],
    ['我有猫', '猫', ['猫']],
    ['call getUserById now', 'user', ['User']],
    ['ｶﾞｽ', 'ガス', ['ｶﾞｽ']],
    ['nothing here', 'else', []],
  ])('of %j for %j highlights %j', (text, query, expected) => expect(marked(text, query)).toEqual(expected));

  it('is a line around what was looked for', () => {
    const text = `${'before '.repeat(100)}\n\n\tthe  needle\r\nis here ${'after '.repeat(100)}`;
    const { text: snippet, highlights } = snippetOf(text, parseQuery('needle'));
    expect(snippet).toMatch(/^…before .* the needle is here after .*after…$/);
    expect(snippet.length).toBeLessThan(203);
    expect(highlights).toEqual([[snippet.indexOf('needle'), snippet.indexOf('needle') + 6]]);
  });

  it('prefers where most of it stands together', () => {
    const text = `fjord ${'x '.repeat(300)} a fjord in norway`;
    expect(marked(text, 'fjord norway')).toEqual(['fjord', 'norway']);
  });

  it.each(['🙂'.repeat(500), '挪'.repeat(500), 'x'.repeat(5_000)])('cuts no character', (text) => {
    const { text: snippet } = snippetOf(`${text} needle ${text}`, parseQuery('needle'));
    expect(snippet.isWellFormed()).toBe(true);
    expect(snippet).toContain('needle');
  });

  it('is found at the end of a long text', () => {
    expect(marked(`${'lorem ipsum dolor '.repeat(20_000)} needle`, 'needle')).toEqual(['needle']);
  });
});
