import fc from 'fast-check';
import { decodeLengths, encodeLengths } from './event-lengths';
import { deltasOf, ReplyContent, textOf, type ReplyDelta } from './reply-content';

const delta: fc.Arbitrary<ReplyDelta> = fc.record({
  type: fc.constantFrom('text' as const, 'reasoning' as const),
  text: fc.oneof(fc.string({ minLength: 1 }), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 })),
});

function contentOf(deltas: ReplyDelta[]): ReplyContent {
  const content = new ReplyContent();
  deltas.forEach((each) => content.add(each));
  return content;
}

describe('ReplyContent', () => {
  it('gives back exactly the events that made it, for any of them', () => {
    fc.assert(
      fc.property(fc.array(delta), (deltas) => {
        const content = contentOf(deltas);
        expect(deltasOf(content.parts, content.eventLengths)).toEqual(deltas);
      }),
    );
  });

  it('gives out any stretch of the events that made it', () => {
    fc.assert(
      fc.property(fc.array(delta), fc.nat(20), fc.nat(20), (deltas, place, count) => {
        expect(contentOf(deltas).deltasAfter(place, count)).toEqual(deltas.slice(place, place + count));
      }),
    );
  });

  it('joins neighbours of one type and keeps reasoning out of the text', () => {
    const content = contentOf([
      { type: 'reasoning', text: 'Hm' },
      { type: 'reasoning', text: '.' },
      { type: 'text', text: 'Os' },
      { type: 'text', text: 'lo' },
    ]);
    expect(content.parts).toEqual([
      { type: 'reasoning', text: 'Hm.' },
      { type: 'text', text: 'Oslo' },
    ]);
    expect(content.text).toBe('Oslo');
    expect(content.length).toBe(7);
  });

  it('hands out parts that later additions do not change', () => {
    const content = contentOf([{ type: 'text', text: 'a' }]);
    const before = content.parts;
    content.add({ type: 'text', text: 'b' });
    expect(textOf(before)).toBe('a');
  });

  it('shows a part without lengths as one event', () => {
    expect(deltasOf([{ type: 'text', text: 'whole' }], null)).toEqual([{ type: 'text', text: 'whole' }]);
  });
});

describe('event lengths', () => {
  it('survive being stored, in a byte each where they are short', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 2 ** 31 - 1 })), (lengths) => {
        expect(decodeLengths(encodeLengths(lengths))).toEqual(lengths);
      }),
    );
    expect(encodeLengths([1, 127, 128]).length).toBe(4);
  });
});
