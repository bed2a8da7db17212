import fc from 'fast-check';
import { addProbeKind, probe, removeProbeKind } from '../support/probe-part';
import { storedEvents } from '../support/stored-events';
import { isTextLike, type MessagePart } from '../../src/messages/content/parts';
import { ReplyContent, textOf, type ReplyDelta } from '../../src/messages/content/reply-content';
import { decodePayload, encodePayload } from '../../src/replies/log/journal/journal-payload';
import { PayloadReader } from '../../src/replies/log/journal/payload-reader';
import { RecoveredEvents } from '../../src/replies/log/journal/recovered-events';
import { DeltaCoalescer } from '../../src/replies/produce/delta-coalescer';
import {
  deltaEvent,
  deltaOf,
  eventsAfter,
  lastSequence,
  logged,
  startEvent,
  terminalEvent,
  type LoggedEvent,
  type StoredReply,
} from '../../src/replies/events/event-codec';
import { storableForms } from '../../src/replies/events/storable-content';

/*
 * Logs of text and items, with a kind of item that only tests know (`probe-part.ts`).
 */

beforeAll(addProbeKind);
afterAll(removeProbeKind);

const ID = '019a5b1c-7f00-7000-8000-00000000000a';
const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 5 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 5 }),
  fc.constant('"\\\n\u2028'),
  fc.constant('x'.repeat(200)),
);
const delta: fc.Arbitrary<ReplyDelta> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('text' as const, 'reasoning' as const), text }) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.string(), fc.option(fc.string())).map(([id, output]) => probe(id, output)),
  },
);
const deltas = fc.array(delta, { maxLength: 14 });
const LOGS = { numRuns: 3_000 };

function contentOf(all: readonly ReplyDelta[]): ReplyContent {
  const content = new ReplyContent();
  all.forEach((each) => content.add(each));
  return content;
}

function replyOf({ parts, eventLengths }: Pick<ReplyContent, 'parts' | 'eventLengths'>): StoredReply {
  return {
    id: ID,
    conversation_id: 'conversation',
    parent_id: 'parent',
    model: 'model',
    attempts: [],
    parts: asStored(parts),
    event_lengths: eventLengths,
    finish_reason: 'stop',
    usage: null,
    error: null,
  };
}

/** As `jsonb` gives it back: with keys in another order. */
function asStored(parts: MessagePart[]): MessagePart[] {
  const reordered = (_key: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1)))
      : value;
  return JSON.parse(JSON.stringify(parts, reordered)) as MessagePart[];
}

function liveLog(reply: StoredReply, all: readonly ReplyDelta[]): LoggedEvent[] {
  const events = [startEvent(reply), ...all.map(deltaEvent), terminalEvent(reply)];
  return events.map((event, index) => logged(ID, index + 1, event));
}

const jsons = (events: readonly LoggedEvent[]) => events.map(({ sequence, json }) => `${sequence} ${json}`);

describe('a log with items', () => {
  it('is given back exactly, every slice of it, while it is open and once it is stored', () => {
    fc.assert(
      fc.property(deltas, (all) => {
        const content = contentOf(all);
        const reply = replyOf(content);
        const live = jsons(liveLog(reply, all));
        expect(lastSequence(reply)).toBe(live.length);
        expect(content.eventCount).toBe(all.length);
        const open = { messageId: ID, start: startEvent(reply), content };
        for (let after = 0; after <= live.length; after++) {
          expect(jsons(storedEvents(reply, after))).toEqual(live.slice(after));
          for (let count = 1; count <= 3; count++)
            expect(jsons(eventsAfter(open, after, count))).toEqual(live.slice(after, -1).slice(0, count));
        }
      }),
      LOGS,
    );
  });

  it('takes a number for each event, which is 0 for an item', () => {
    const all: ReplyDelta[] = [
      { type: 'text', text: 'Os' },
      { type: 'text', text: 'lo' },
      probe('1'),
      probe('2'),
      { type: 'text', text: '.' },
    ];
    const { parts, eventLengths } = contentOf(all);
    expect([...eventLengths]).toEqual([2, 2, 0, 0, 1]);
    expect(parts).toEqual([
      { type: 'text', text: 'Oslo' },
      probe('1'),
      probe('2'),
      { type: 'text', text: '.' },
    ]);
    expect(textOf(parts)).toBe('Oslo.');
  });

  it('shows the rest of a part whose lengths are missing as one event', () => {
    fc.assert(
      fc.property(deltas, fc.nat(14), (all, kept) => {
        const { parts } = contentOf(all);
        const lengths = contentOf(all.slice(0, kept)).eventLengths;
        const given = ReplyContent.of(parts, lengths).deltasAfter(0, Infinity);
        expect(given.slice(0, kept)).toEqual(all.slice(0, kept));
        expect(contentOf(given).parts).toEqual(parts);
        const reply = { ...replyOf({ parts, eventLengths: lengths }), event_lengths: lengths };
        expect(lastSequence(reply)).toBe(given.length + 2);
        const items = ReplyContent.of(parts, null).deltasAfter(0, Infinity);
        expect(items).toEqual(parts);
      }),
    );
  });

  it('is recovered from its journal behind any checkpoint, and followed in it', () => {
    const random = fc.record({
      all: deltas,
      batch: fc.integer({ min: 1, max: 5 }),
      checkpoint: fc.nat(14),
      first: fc.nat(14),
    });
    fc.assert(
      fc.property(random, ({ all, batch, checkpoint, first }) => {
        const content = contentOf(all);
        const events = liveLog(replyOf(content), all).slice(0, -1);
        const stored = contentOf(all.slice(0, checkpoint));
        // The journal holds no event before its first batch, which begins where the checkpoint ends or before.
        const begin = Math.min(first, stored.eventCount ? stored.eventCount + 1 : 0, events.length);
        const payloads: string[] = [];
        for (let at = begin; at < events.length; at += batch)
          payloads.push(encodePayload([events.slice(at, at + batch)]));
        const recovered = new RecoveredEvents({
          messageId: ID,
          userId: 'u',
          conversationId: 'c',
          instanceId: 'i',
          firstBatch: 1,
        });
        for (const payload of payloads)
          new PayloadReader(payload).read((_id, sequence) =>
            recovered.joins(sequence) ? recovered : undefined,
          );
        const { parts, eventLengths } = recovered.moveTo(
          ReplyContent.of(asStored(stored.parts), stored.eventLengths),
        );
        expect([asStored(parts), eventLengths]).toEqual([asStored(content.parts), content.eventLengths]);
        const followed = new ReplyContent();
        for (const entry of payloads.flatMap(decodePayload))
          for (const event of entry.events) {
            const added = deltaOf(event);
            if (added) followed.add(added);
          }
        expect(followed.deltasAfter(0, Infinity)).toEqual(all.slice(Math.max(begin - 1, 0)));
      }),
      LOGS,
    );
  });

  it('keeps its order and its items where texts are held back', () => {
    fc.assert(
      fc.property(deltas, fc.nat(3), (all, size) => {
        const coalescer = new DeltaCoalescer(new ReplyContent());
        const shown: ReplyDelta[] = [];
        for (let at = 0; at < all.length; at += size + 1)
          shown.push(...coalescer.add(all.slice(at, at + size + 1)));
        expect([...shown, ...coalescer.flush()]).toEqual(all);
      }),
    );
  });

  it('can be stored whatever the texts of its items are', () => {
    const [form] = storableForms(contentOf([{ type: 'text', text: 'a\ud800' }, probe('b\0', 'c\udc00')]));
    expect(form.parts).toEqual([{ type: 'text', text: 'a\ufffd' }, probe('b\ufffd', 'c\ufffd')]);
    expect([...form.eventLengths]).toEqual([2, 0]);
  });

  it('is cut into batches by what its items hold', () => {
    const all = Array.from({ length: 8 }, (_, i) => probe(String(i), 'x'.repeat(100)));
    expect(contentOf(all).deltasAfter(0, 8, 250)).toEqual(all.slice(0, 2));
    expect(all.some(isTextLike)).toBe(false);
  });
});
