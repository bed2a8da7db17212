import { toETag, versionsOf } from './etag';

describe('entity tags', () => {
  it('match the version they were made of', () => {
    expect(versionsOf(toETag({ version: 7 }))).toEqual([7]);
  });

  it.each([undefined, '*', ' * '])('allow any version for %p', (header) => {
    expect(versionsOf(header)).toBeUndefined();
  });

  it.each([
    'W/7',
    'w/"7"',
    '7',
    '"seven"',
    '""',
    '"9999999999"',
    '"7-"',
    '"7-gzip',
    '7-gzip',
    '"7-8"',
    'nonsense',
  ])('match nothing for %p', (header) => {
    expect(versionsOf(header)).toEqual([]);
  });

  it('may be a list', () => {
    expect(versionsOf('"1", W/"2" ,"3"')).toEqual([1, 2, 3]);
  });

  // nginx (hapijs/hapi#3956), Apache (symfony/symfony-docs#12644, rails/rails#19056), others as they compress
  it.each(['W/"7"', '"7-gzip"', 'W/"7-gzip"', '"7-br"', '"7-zstd"', '"7-deflate"'])(
    'are the same version as a proxy that compresses makes them: %s',
    (header) => {
      expect(versionsOf(header)).toEqual([7]);
    },
  );
});
