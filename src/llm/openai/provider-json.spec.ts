import fc from 'fast-check';
import { PROVIDER_BOUNDS } from '../../config/bounds';
import { hasTooManyValues, parseJson } from './provider-json';

const most = PROVIDER_BOUNDS.valuesOfEvent.limit;

describe('parseJson', () => {
  it('reads what JSON.parse does', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each(['', '{', '{"a":}', 'x', '[1,]', '['.repeat(1000)])('is undefined for %j', (text) => {
    expect(parseJson(text)).toBeUndefined();
  });

  it('takes a long text for one value, whatever is in it', () => {
    const odd = { text: '[{,"\\'.repeat(200_000), end: '\\\\' };
    expect(parseJson(JSON.stringify(odd))).toEqual(odd);
  });

  it.each([
    ['lists in lists', '['.repeat(most + 1) + ']'.repeat(most + 1)],
    ['objects in objects', '{"a":'.repeat(most + 1) + '1' + '}'.repeat(most + 1)],
    ['errors in errors', '{"error":['.repeat(most) + ']}'.repeat(most)],
    ['a long list', `[${'0,'.repeat(most + 1)}0]`],
    ['what ends in the middle of a text', `["${'\\"'.repeat(50_000)}`],
  ])('gives up on %s', (_what, text) => {
    expect(parseJson(text)).toBeUndefined();
  });

  it('counts what is between texts, not what is in them', () => {
    const list = (values: number) => JSON.stringify(Array.from({ length: values }, () => 'a,b'));
    expect(hasTooManyValues(list(most))).toBe(false);
    expect(hasTooManyValues(list(most + 1))).toBe(true);
  });
});
