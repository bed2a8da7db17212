import fc from 'fast-check';
import { PROVIDER_BOUNDS } from '../../config/bounds';
import { EventStreamDecoder, EventTooLongError, type ProviderEvent } from './sse-decoder';

function decode(...pieces: (string | Uint8Array)[]): ProviderEvent[] {
  const decoder = new EventStreamDecoder();
  const events = pieces.flatMap((piece) => push(decoder, piece));
  const last = decoder.end();
  return last ? [...events, last] : events;
}

function push(decoder: EventStreamDecoder, piece: string | Uint8Array): ProviderEvent[] {
  const events: ProviderEvent[] = [];
  decoder.push(Buffer.from(piece), { onEvent: (event) => void events.push(event) });
  return events;
}

function payloads(...pieces: (string | Uint8Array)[]): string[] {
  return decode(...pieces).map(({ data }) => data);
}

describe('EventStreamDecoder', () => {
  it.each([
    ['line feeds', 'data: a\n\ndata: b\n\n', ['a', 'b']],
    ['CR LF', 'data: a\r\n\r\ndata: b\r\n\r\n', ['a', 'b']],
    ['carriage returns', 'data: a\r\rdata: b\r\r', ['a', 'b']],
    ['no space after the colon', 'data:a\n\ndata:  b\n\n', ['a', ' b']],
    ['a byte order mark', '\uFEFFdata: a\n\n', ['a']],
    ['comments between', ': x\n\ndata: a\n: y\n\n:\n\ndata: b\n\n', ['a', 'b']],
    ['several lines of data', 'data: {"a":\ndata: 1}\n\n', ['{"a":\n1}']],
    ['other fields', 'id: 1\nretry: 5\nfoo\ndata: a\n\n', ['a']],
    ['no last blank line', 'data: a\n\ndata: b', ['a', 'b']],
    ['no last blank line, but a line end', 'data: a\n\ndata: b\n', ['a', 'b']],
    ['a field without a colon', 'data\n\n', ['']],
    ['empty data', 'data:\n\ndata: a\n\n', ['', 'a']],
    ['events without data', 'event: ping\n\ndata: a\n\n', ['a']],
    ['nothing', '', []],
  ])('reads %s', (_, stream, expected) => {
    expect(payloads(stream)).toEqual(expected);
  });

  it('names the events that report an error', () => {
    expect(decode('event: error\ndata: {}\n\ndata: 1\n\n')).toEqual([
      { event: 'error', data: '{}' },
      { event: undefined, data: '1' },
    ]);
    expect(decode('error: {"code":500}\n\n')).toEqual([{ event: 'error', data: '{"code":500}' }]);
  });

  it('gives an event at once, not with the next piece', () => {
    const decoder = new EventStreamDecoder();
    expect(push(decoder, 'data: a\r\n\r')).toHaveLength(1);
    expect(push(decoder, '\n')).toHaveLength(0);
  });

  it('takes CR LF for one line end even if it is cut', () => {
    expect(payloads('data: a\r', '\ndata: b\r\n\r\n')).toEqual(['a\nb']);
  });

  it('drops a character that is cut at the end and adds nothing for it', () => {
    const bytes = Buffer.from('data: ab🌍');
    expect(payloads(bytes.subarray(0, -2))).toEqual(['ab']);
  });

  it('refuses an event without end', () => {
    const decoder = new EventStreamDecoder();
    const piece = Buffer.from(`data: ${'x'.repeat(1024 * 1024)}`);
    expect(() => {
      for (let count = 0; count < 20; count++) push(decoder, piece);
    }).toThrow(EventTooLongError);
    const lines = new EventStreamDecoder();
    const line = Buffer.from(`data: ${'x'.repeat(1024 * 1024)}\n`);
    expect(() => {
      for (let count = 0; count < 20; count++) push(lines, line);
    }).toThrow(EventTooLongError);
  });

  it('refuses an event of lines without end, be they empty', () => {
    const most = PROVIDER_BOUNDS.linesOfEvent.limit;
    expect(push(new EventStreamDecoder(), 'data:\n'.repeat(most) + '\n')).toHaveLength(1);
    for (const line of ['data:\n', 'data: x\r\n', 'id: 1\n', 'event\r', 'x\n'])
      expect(() => push(new EventStreamDecoder(), line.repeat(most + 1))).toThrow(EventTooLongError);
  });

  it('takes comments, and events one after the other, for as long as they come', () => {
    const most = PROVIDER_BOUNDS.linesOfEvent.limit;
    const decoder = new EventStreamDecoder();
    expect(push(decoder, ': ping\n'.repeat(3 * most))).toEqual([]);
    expect(push(decoder, 'id: 1\nevent: x\ndata: a\n\n'.repeat(most))).toHaveLength(most);
  });

  it('says which lines brought nothing', () => {
    const told: (string | number)[] = [];
    const sink = {
      onEvent: ({ data }: ProviderEvent, lines: number) => void told.push(data, lines),
      skip: (lines: number) => void told.push(lines),
    };
    const decoder = new EventStreamDecoder();
    decoder.push(Buffer.from(': c\n\nid: 1\nretry: 2\n\ndata: a\ndata: b\n: c\n\n'), sink);
    expect(told).toEqual([1, 1, 3, 1, 'a\nb', 3]);
  });

  it('says what it holds, and holds nothing between events', () => {
    const decoder = new EventStreamDecoder();
    push(decoder, 'data: a\n\n');
    expect(decoder.held).toBe(0);
    push(decoder, `data: ${'ä'.repeat(1000)}`);
    expect(decoder.held).toBeGreaterThanOrEqual(2000);
    expect(decoder.held).toBeLessThan(5000);
    push(decoder, '\n');
    expect(decoder.held).toBeGreaterThanOrEqual(2000);
    push(decoder, '\n');
    expect(decoder.held).toBe(0);
  });

  it('offers every event to whom it may be nothing new, wherever the bytes are cut', () => {
    const decoder = new EventStreamDecoder();
    const seen: string[] = [];
    const known = 'data: a\n\n';
    const sink = {
      onEvent: ({ data }: ProviderEvent) => void seen.push(data),
      takeWhole: (bytes: Buffer, from: number) => {
        let at = from;
        for (; bytes.toString('latin1', at).startsWith(known); at += known.length) seen.push('known');
        return at;
      },
    };
    decoder.push(Buffer.from(`${known}data: b\n\n${known}${known}data: c`), sink);
    decoder.push(Buffer.from(`\n`), sink);
    decoder.push(Buffer.from(`\n${known}data: a`), sink);
    decoder.push(Buffer.from(`\n\n${known}`), sink);
    expect(seen).toEqual(['known', 'b', 'known', 'known', 'c', 'known', 'a', 'known']);
  });

  it('gives the same events wherever the bytes are cut', () => {
    const line = fc.constantFrom('\n', '\r\n', '\r');
    const event = fc.record({ data: fc.string({ unit: 'grapheme' }), comment: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 6 }),
        line,
        fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
        (events, end, sizes) => {
          const text = events.map(
            ({ data, comment }) =>
              `${comment ? `: ping${end}` : ''}data: ${JSON.stringify(data)}${end}${end}`,
          );
          const bytes = Buffer.from(text.join(''));
          const pieces: Buffer[] = [];
          for (let at = 0; at < bytes.length; at += (pieces.at(-1) as Buffer).length) {
            pieces.push(bytes.subarray(at, at + (sizes.next().value ?? 1)));
          }
          expect(payloads(...pieces)).toEqual(events.map(({ data }) => JSON.stringify(data)));
        },
      ),
    );
  });
});

/* Without the line ends that a search from every line would go through the rest for, none of these is special. */
const PATTERNS: Record<string, (bytes: number) => Buffer> = {
  'carriage returns': (bytes) => Buffer.alloc(bytes, '\r'),
  'line feeds': (bytes) => Buffer.alloc(bytes, '\n'),
  'line feeds with a carriage return at the end': (bytes) => withLast(Buffer.alloc(bytes, '\n'), '\r'),
  'carriage returns with a line feed at the end': (bytes) => withLast(Buffer.alloc(bytes, '\r'), '\n'),
  'both, one after the other': (bytes) => Buffer.alloc(bytes, '\r\n'),
  'comments with a carriage return at the end': (bytes) => withLast(Buffer.alloc(bytes, ':\n'), '\r'),
  'events with a carriage return at the end': (bytes) => withLast(Buffer.alloc(bytes, 'data:\n\n'), '\r'),
  'a line without an end': (bytes) => Buffer.alloc(bytes, 'data: x'),
};

function withLast(bytes: Buffer, last: string): Buffer {
  bytes.write(last, bytes.length - 1, 'latin1');
  return bytes;
}

/** How many bytes are gone through for a line end. */
function searched(work: () => void): number {
  const { prototype } = Buffer;
  const search = prototype.indexOf;
  let bytes = 0;
  prototype.indexOf = function (this: Buffer, byte: number, from = 0) {
    const found = search.call(this, byte, from);
    bytes += (found < 0 ? this.length : found + 1) - from;
    return found;
  } as typeof search;
  try {
    work();
  } finally {
    prototype.indexOf = search;
  }
  return bytes;
}

function decodeAll(bytes: Buffer, pieceBytes: number): void {
  const decoder = new EventStreamDecoder();
  const sink = { onEvent: () => undefined };
  for (let at = 0; at < bytes.length; at += pieceBytes)
    decoder.push(bytes.subarray(at, at + pieceBytes), sink);
}

describe.each(Object.entries(PATTERNS))('%s', (_what, pattern) => {
  it.each([
    ['one byte', 1],
    ['a thousand', 1_000],
    ['all', Infinity],
  ])('are gone through once for each kind of line end, %s at a time', (_size, pieceBytes) => {
    const bytes = pattern(32 * 1024);
    expect(searched(() => decodeAll(bytes, pieceBytes))).toBeLessThanOrEqual(2 * bytes.length);
  });

  it('take about sixteen times as long if there are sixteen times as many', () => {
    const time = (bytes: Buffer) => {
      const began = process.threadCpuUsage();
      decodeAll(bytes, bytes.length);
      return process.threadCpuUsage(began).user / 1_000;
    };
    const [short, long] = [pattern(32 * 1024), pattern(512 * 1024)];
    // Of this thread alone, and the best of many: others use the machine as well.
    const times = Array.from({ length: 8 }, () => [time(short), time(long)]);
    const [one, sixteen] = [0, 1].map((which) => Math.min(...times.map((both) => both[which])));
    // 256 times, if it were quadratic.
    expect(sixteen).toBeLessThan(100 * Math.max(one, 1));
  });
});
