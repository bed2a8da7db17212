import fc from 'fast-check';
import { Utf8Text } from './utf8-text';

describe('Utf8Text', () => {
  it('holds pieces of every kind, characters cut in two among them', () => {
    const piece = fc.string({
      unit: fc.oneof(
        fc.constantFrom('\ud83d', '\ude00', 'a', '你'),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
    });
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = new Utf8Text();
        let held = '';
        for (const each of pieces) {
          held += each;
          // A journal has well-formed pieces as bytes, and others as JSON with escapes.
          if (each.isWellFormed()) {
            const utf8 = Buffer.from(`<${each}>`);
            text.addBytes(utf8, 1, utf8.length - 1);
          } else text.add(each);
        }
        expect(text.toString()).toBe(held.toWellFormed());
      }),
    );
  });

  it('answers how many bytes a piece takes', () => {
    const text = new Utf8Text();
    expect(text.add('a你')).toBe(4);
    expect(text.add('\ud83d')).toBe(0);
    expect(text.add('\ude00')).toBe(4);
    expect(text.toString()).toBe('a你😀');
  });
});
