import fc from 'fast-check';
import { REPLY_BOUNDS } from '../../config/bounds';
import { ReplyContent, textOf, type ReplyDelta } from '../../messages/content/reply-content';
import { deltaEvent } from '../events/event-codec';
import { DeltaCoalescer } from './delta-coalescer';

const { parts: PARTS, events: EVENTS, eventCharacters: CHARACTERS } = REPLY_BOUNDS;
/** Largest value of `LLM_MAX_REPLY_CHARS`. */
const LONGEST = 50_000_000;

const alternating = (i: number): ReplyDelta => ({
  type: i % 2 ? 'text' : 'reasoning',
  text: i % 2 ? 'a' : 'b',
});
const sameType = (i: number): ReplyDelta => ({ type: 'text', text: String.fromCharCode(97 + (i % 26)) });

/** Events that are shown of a reply that arrives in batches of this size. */
function shown(count: number, batch: number, delta: (i: number) => ReplyDelta) {
  const content = new ReplyContent();
  const coalescer = new DeltaCoalescer(content);
  const events: ReplyDelta[] = [];
  for (let i = 0; i < count; i += batch) {
    const deltas = Array.from({ length: Math.min(batch, count - i) }, (_, j) => delta(i + j));
    events.push(...coalescer.add(deltas));
  }
  events.push(...coalescer.flush());
  return { content, events };
}

const textIn = (deltas: ReplyDelta[], type: ReplyDelta['type']) =>
  deltas.map((delta) => (delta.type === type ? delta.text : '')).join('');

describe('DeltaCoalescer', () => {
  it('takes a reply of ordinary size as it comes', () => {
    for (const delta of [alternating, sameType]) {
      const { content, events } = shown(PARTS.limit / 2, 7, delta);
      expect(events).toEqual(Array.from({ length: PARTS.limit / 2 }, (_, i) => delta(i)));
      expect(content.eventCount).toBe(PARTS.limit / 2);
    }
    expect(shown(EVENTS.limit / 2, 600, sameType).content.eventCount).toBe(EVENTS.limit / 2);
  });

  it.each([1, 600])(
    'keeps 500,000 alternating characters, %d at a time, within the bound on parts',
    (batch) => {
      const { content, events } = shown(500_000, batch, alternating);
      expect(content.partCount).toBeLessThanOrEqual(PARTS.limit);
      expect(content.text).toBe('a'.repeat(250_000));
      expect(textIn(events, 'reasoning')).toBe('b'.repeat(250_000));
      expect(content.deltasAfter(0, Infinity)).toEqual(events);
    },
  );

  it.each([1, 600])('keeps 500,000 characters of text, %d at a time, within the bound on events', (batch) => {
    const { content, events } = shown(500_000, batch, sameType);
    expect(events.length).toBeLessThanOrEqual(EVENTS.limit - 2);
    expect(content.deltasAfter(0, Infinity)).toEqual(events);
    expect(content.text).toBe(Array.from({ length: 500_000 }, (_, i) => sameType(i).text).join(''));
  });

  it.each([
    ['alternating', alternating],
    ['of one type', sameType],
  ])('keeps the longest reply there can be within both, in pieces %s', (_name, delta) => {
    const pieces = Array.from({ length: 26 }, (_, i) => ({ ...delta(i), text: 'abcdefghij'.repeat(10) }));
    const { content } = shown(LONGEST / 100, 10_000, (i) => pieces[i % 26]);
    expect(content.length).toBe(LONGEST);
    expect(content.partCount).toBeLessThanOrEqual(PARTS.limit);
    expect(content.eventCount).toBeLessThanOrEqual(EVENTS.limit - 2);
  });

  it.each([
    ['letters', 'x'],
    ['what JSON writes as six bytes', '\u0001'],
    ['pairs that must stay together', '👍'],
    ['a letter and such pairs', `x${'👍'.repeat(CHARACTERS.limit)}`],
  ])('cuts a long delta of %s into events whose lines stay below 64 KiB', (_name, unit) => {
    for (const before of [0, EVENTS.limit]) {
      const text = unit.repeat(200_000 / unit.length);
      const { content, events } = shown(before + 2, 600, (i) =>
        i < before ? sameType(i) : { type: 'reasoning', text },
      );
      expect(textIn(events, 'reasoning')).toBe(text + text);
      expect(content.deltasAfter(0, Infinity)).toEqual(events);
      for (const delta of events) {
        expect(delta.text.isWellFormed()).toBe(true);
        const line = `data: ${JSON.stringify(deltaEvent(delta))}\n`;
        if (Buffer.byteLength(line) >= 64 * 1024) expect.unreachable(`${Buffer.byteLength(line)}`);
      }
    }
  });

  it('leaves a delta alone that is as long as an event may be', () => {
    const delta: ReplyDelta = { type: 'text', text: 'x'.repeat(CHARACTERS.limit) };
    expect(shown(3, 2, () => delta).events).toEqual([delta, delta, delta]);
  });

  it('loses nothing and mixes nothing up, whatever comes', () => {
    const delta = fc.record({
      type: fc.constantFrom('text' as const, 'reasoning' as const),
      text: fc.string({ minLength: 1, maxLength: 40 }),
    });
    fc.assert(
      fc.property(
        fc.array(delta, { minLength: 1, maxLength: 300 }),
        fc.integer({ min: 1, max: 9 }),
        (deltas, batch) => {
          const before = 3 * PARTS.limit;
          const comes = (i: number) => (i < before ? alternating(i) : deltas[i - before]);
          const all = Array.from({ length: before + deltas.length }, (_, i) => comes(i));
          const { content, events } = shown(all.length, batch, comes);
          expect(content.text).toBe(textOf(all));
          expect(textIn(events, 'text')).toBe(textOf(all));
          expect(textIn(events, 'reasoning')).toBe(textIn(all, 'reasoning'));
        },
      ),
      { numRuns: 5 },
    );
  });
});
