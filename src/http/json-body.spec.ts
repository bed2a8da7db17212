import { AppError } from '../errors/app-error';
import { parseJsonBody } from './json-body';
import { MAX_VALUES } from './json-structure';

function parse(body: string | Uint8Array): unknown {
  return parseJsonBody(typeof body === 'string' ? Buffer.from(body) : body);
}

function refusal(body: string | Uint8Array): { code: string; path?: string } {
  try {
    parse(body);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { code: error.code, path: error.errors?.[0]?.path };
  }
  return { code: 'accepted' };
}

describe('parseJsonBody', () => {
  it.each([
    '{}',
    '{"a":[1,-0.5e3,null,true,"x\\n\\"]}:{"]}',
    ' {"a" : {"b":"\\\\"}}\n',
    '{"k":"\\ud83d\\ude00 \\u2028"}',
  ])('accepts %s', (text) => expect(parse(text)).toEqual(JSON.parse(text)));

  it('drops a byte order mark', () => expect(parse('\uFEFF{"a":1}')).toEqual({ a: 1 }));

  it.each([
    ['{', 'invalid_json'],
    ['{"a":1,}', 'invalid_json'],
    ['{"a":NaN}', 'invalid_json'],
    ['{"a":1}{"b":2}', 'invalid_json'],
    ['{/*x*/}', 'invalid_json'],
    ["{'a':1}", 'invalid_json'],
    ['{"a":"\u0001"}', 'invalid_json'],
    ['[]', 'invalid_body'],
    ['"x"', 'invalid_body'],
    ['1', 'invalid_body'],
    ['null', 'invalid_body'],
    ['{"a":1,"a":2}', 'duplicate_key'],
    ['{"a":1,"\\u0061":2}', 'duplicate_key'],
    ['{"x":[{"a":1,"b":{"c":1,"c":1}}]}', 'duplicate_key'],
    ['{"a":1e400}', 'invalid_number'],
    ['{"a":[{"b":-1e999}]}', 'invalid_number'],
    ['{"__proto__":{"x":1}}', 'invalid_key'],
    ['{"\\u005f_proto__":{"x":1}}', 'invalid_key'],
    ['{"a":{"constructor":{"prototype":{"x":1}}}}', 'invalid_key'],
    ['{"a":"\\u0000"}', 'invalid_text'],
    ['{"a\\u0000":1}', 'invalid_text'],
    ['{"a":"\\ud800"}', 'invalid_text'],
    ['{"a":"\\udc00\\ud800"}', 'invalid_text'],
    ['{"\\udfff":1}', 'invalid_text'],
  ])('refuses %s', (text, code) => {
    expect(refusal(text).code).toBe(code);
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  it('says where the text is', () => expect(refusal('{"a":{"b":["ok","\\u0000"]}}').path).toBe('a.b[1]'));

  it.each([
    ['a stray byte', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['a surrogate in UTF-8', Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d])],
    ['an overlong slash', Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d])],
    ['a cut character', Buffer.from([0x7b, 0x22, 0xe2, 0x82])],
  ])('refuses %s', (_name, bytes) => expect(refusal(bytes).code).toBe('invalid_encoding'));

  it('refuses UTF-16', () => expect(refusal(Buffer.from('{"a":1}', 'utf16le')).code).toBe('invalid_json'));

  it('bounds the depth', () => {
    const nested = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
    expect(refusal(nested(32)).code).toBe('accepted');
    expect(refusal(nested(33)).code).toBe('too_deep');
    expect(refusal('['.repeat(33)).code).toBe('too_deep');
    expect(refusal(`{"a":"${'['.repeat(1000)}"}`).code).toBe('accepted');
    expect(refusal(`{"a":"\\\\","b":${'['.repeat(40)}`).code).toBe('too_deep');
  });

  it('bounds the number of values, in objects and lists', () => {
    const object = (count: number) => `{${Array.from({ length: count }, (_, i) => `"k${i}":1`).join()}}`;
    const list = (count: number) => `{"a":[${Array.from({ length: count - 1 }, () => '{}').join()}]}`;
    expect(refusal(object(MAX_VALUES)).code).toBe('accepted');
    expect(refusal(object(MAX_VALUES + 1)).code).toBe('too_many_values');
    expect(refusal(list(MAX_VALUES / 2)).code).toBe('accepted');
    expect(refusal(list(MAX_VALUES)).code).toBe('too_many_values');
  });

  it.each([
    ['50,000 open brackets', '['.repeat(50_000)],
    ['50,000 nested objects', '{"a":'.repeat(50_000)],
    ['100,000 keys', `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":1`).join()}}`],
    ['a string of escapes that never ends', `{"a":"${'\\\\'.repeat(400_000)}`],
    ['a string of escaped quotes', `{"a":"${'\\"'.repeat(400_000)}`],
    ['a key of a megabyte', `{"${'k'.repeat(1_000_000)}":1}`],
  ])('is quick with %s', (_name, text) => {
    const bytes = Buffer.from(text);
    const started = performance.now();
    refusal(bytes);
    // A few milliseconds; what grows with the square of the length would take minutes.
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
