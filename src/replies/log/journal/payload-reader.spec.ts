import fc from 'fast-check';
import { logged } from '../../events/event-codec';
import type { ReplyEvent } from '../../events/reply-event.dto';
import { decodePayload, decodeReadable, encodePayload, type JournalEntry } from './journal-payload';
import { type EventSink, PayloadReader } from './payload-reader';

const ID = '01900000-0000-7000-8000-000000000001';

/** Entries that the reader delivers, as events again. */
function read(
  payload: string,
  wanted: (entry: { messageId: string; sequence: number }) => boolean = () => true,
) {
  const entries: (JournalEntry & { lengths: number[] })[] = [];
  new PayloadReader(payload).read((messageId, sequence) => {
    if (!wanted({ messageId, sequence })) return undefined;
    const entry = { messageId, sequence, events: [] as ReplyEvent[], lengths: [] as number[] };
    entries.push(entry);
    const sink: EventSink = {
      onText(type, utf8, from, to, length) {
        const data = { content: utf8.toString('utf8', from, to) };
        entry.events.push(type === 'text' ? { type: 'chunk', data } : { type: 'reasoning', data });
        entry.lengths.push(length);
      },
      onEvent: (event) => void entry.events.push(event),
    };
    return sink;
  });
  return entries;
}

function payloadOf(entries: readonly JournalEntry[]): string {
  return encodePayload(
    entries.map(({ messageId, sequence, events }) =>
      events.map((event, index) => logged(messageId, sequence + index, event)),
    ),
  );
}

const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom('"', '\\', '\n', '}', ']', ',', '{', '\ud83d'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
});
const event: fc.Arbitrary<ReplyEvent> = fc.oneof(
  text.map((content): ReplyEvent => ({ type: 'chunk', data: { content } })),
  text.map((content): ReplyEvent => ({ type: 'reasoning', data: { content } })),
  fc
    .record({ code: fc.constant('x'), message: text, retryable: fc.boolean() })
    .map((data) => ({ type: 'error', data }) as unknown as ReplyEvent),
);
const anyEntry: fc.Arbitrary<JournalEntry> = fc.record({
  messageId: fc.uuid(),
  sequence: fc.integer({ min: 1, max: 2 ** 31 }),
  events: fc.array(event, { minLength: 1, maxLength: 6 }),
});

describe('PayloadReader', () => {
  it('reads what decoding the whole of it reads', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 5 }), (entries) => {
        const payload = payloadOf(entries);
        const found = read(payload);
        expect(found).toMatchObject(decodePayload(payload));
        expect(found).toHaveLength(entries.length);
      }),
      { numRuns: 500 },
    );
  });

  it('counts the UTF-16 units of a text that it hands on as bytes', () => {
    const contents = ['a', 'é', '你好', '👩‍👩‍👧', '', 'plain and 😀'];
    const events = contents.map((content): ReplyEvent => ({ type: 'chunk', data: { content } }));
    const [found] = read(payloadOf([{ messageId: ID, sequence: 1, events }]));
    expect(found.lengths).toEqual(contents.map(({ length }) => length));
  });

  it('goes past what nobody asks for', () => {
    const events: ReplyEvent[] = [{ type: 'chunk', data: { content: 'a "quoted" [text]}}' } }];
    const other = ID.replace('1', '2');
    const payload = payloadOf([
      { messageId: other, sequence: 1, events },
      { messageId: ID, sequence: 7, events },
    ]);
    expect(read(payload, ({ messageId }) => messageId === ID)).toMatchObject([
      { messageId: ID, sequence: 7, events },
    ]);
  });

  it('takes what comes before the place where a batch is broken, wherever that is', () => {
    const events: ReplyEvent[] = [
      { type: 'chunk', data: { content: 'one' } },
      { type: 'chunk', data: { content: 'two\n' } },
    ];
    const payload = payloadOf([{ messageId: ID, sequence: 1, events }]);
    for (let length = 0; length < payload.length; length++) {
      const delivered: ReplyEvent[] = [];
      const sink: EventSink = {
        onText: (_type, utf8, from, to) =>
          void delivered.push({ type: 'chunk', data: { content: utf8.toString('utf8', from, to) } }),
        onEvent: (given) => void delivered.push(given),
      };
      expect(() => new PayloadReader(payload.slice(0, length)).read(() => sink)).toThrow(SyntaxError);
      expect(delivered).toEqual(events.slice(0, delivered.length));
    }
  });
});

it('takes a batch that cannot be read for one that was not stored', () => {
  expect(decodeReadable('[["' + ID)).toEqual([]);
  const entry: JournalEntry = {
    messageId: ID,
    sequence: 1,
    events: [{ type: 'chunk', data: { content: 'a' } }],
  };
  expect(decodeReadable(payloadOf([entry]))).toEqual([entry]);
});
