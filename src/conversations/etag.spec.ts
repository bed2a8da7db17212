import { toETag, versionsOf } from './etag';

describe('entity tags', () => {
  it('match the version they were made of', () => {
    expect(versionsOf(toETag({ version: 7 }))).toEqual([7]);
  });

  it.each([undefined, '*', ' * '])('allow any version for %p', (header) => {
    expect(versionsOf(header)).toBeUndefined();
  });

  it.each(['W/7', 'w/"7"', '7', '"seven"', '""', '"9999999999"', 'nonsense'])(
    'match nothing for %p',
    (header) => {
      expect(versionsOf(header)).toEqual([]);
    },
  );

  it('may be a list', () => {
    expect(versionsOf('"1", W/"2" ,"3"')).toEqual([1, 2, 3]);
  });
});
