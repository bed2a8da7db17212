import fc from 'fast-check';
import { EventLengths } from './event-lengths';
import { deltaCount, ReplyContent, textOf, type ReplyDelta } from './reply-content';

const delta: fc.Arbitrary<ReplyDelta> = fc.record({
  type: fc.constantFrom('text' as const, 'reasoning' as const),
  text: fc.oneof(fc.string({ minLength: 1 }), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 })),
});

function contentOf(deltas: ReplyDelta[]): ReplyContent {
  const content = new ReplyContent();
  deltas.forEach((each) => content.add(each));
  return content;
}

function deltasOf(parts: ReplyDelta[], lengths: Uint8Array | null): ReplyDelta[] {
  return ReplyContent.of(parts, lengths).deltasAfter(0, Infinity);
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

  it('gives out any stretch of many events', () => {
    const deltas = Array.from({ length: 2_000 }, (_, i) => ({
      type: i % 7 < 3 ? ('text' as const) : ('reasoning' as const),
      text: `${i} `,
    }));
    const content = contentOf(deltas);
    for (const place of [0, 1, 255, 256, 257, 511, 512, 1_500, 1_999, 2_000, 5_000])
      expect(content.deltasAfter(place, 300)).toEqual(deltas.slice(place, place + 300));
  });

  it('gives out what is there while there comes more', () => {
    const content = new ReplyContent();
    const deltas: ReplyDelta[] = [];
    for (let i = 0; i < 600; i++) {
      deltas.push({ type: i % 3 ? 'text' : 'reasoning', text: String(i) });
      content.add(deltas[i]);
      expect(content.deltasAfter(i - (i % 256), 1_000)).toEqual(deltas.slice(i - (i % 256)));
    }
  });

  it('gives out no more than the first that reach a number of characters, and one at least', () => {
    const content = contentOf(['abc', 'def', 'ghi'].map((text) => ({ type: 'text', text })));
    expect(content.deltasAfter(0, 3, 4)).toHaveLength(2);
    expect(content.deltasAfter(1, 3, 1)).toHaveLength(1);
  });

  it('counts its events, and those of what is stored without making them', () => {
    fc.assert(
      fc.property(fc.array(delta), (deltas) => {
        const content = contentOf(deltas);
        expect(content.eventCount).toBe(deltas.length);
        expect(deltaCount(content.parts, content.eventLengths)).toBe(deltas.length);
      }),
    );
    expect(deltaCount([{ type: 'text', text: 'whole' }], null)).toBe(1);
    expect(deltaCount([{ type: 'text', text: 'whole' }], Buffer.from([2]))).toBe(2);
  });

  it('is the same again from what is stored of it', () => {
    fc.assert(
      fc.property(fc.array(delta), (deltas) => {
        const content = contentOf(deltas);
        const again = ReplyContent.of(content.parts, content.eventLengths);
        expect([again.parts, again.eventLengths]).toEqual([content.parts, content.eventLengths]);
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
    const content = contentOf(
      [1, 127, 128, 16_384, 300_000].map((n) => ({ type: 'text', text: 'x'.repeat(n) })),
    );
    expect(deltasOf(content.parts, content.eventLengths).map(({ text }) => text.length)).toEqual([
      1, 127, 128, 16_384, 300_000,
    ]);
    expect(content.eventLengths).toHaveLength(1 + 1 + 2 + 3 + 3);
  });

  it('are counted, whatever their size', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 2 ** 31 - 1 })), (numbers) => {
        const lengths = new EventLengths();
        numbers.forEach((number) => lengths.add(number));
        expect(lengths.count).toBe(numbers.length);
      }),
    );
  });
});
