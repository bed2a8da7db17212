import fc from 'fast-check';
import { EventStreamDecoder, EventTooLongError, type ProviderEvent } from './event-stream';

function decode(...pieces: (string | Uint8Array)[]): ProviderEvent[] {
  const decoder = new EventStreamDecoder();
  const events = pieces.flatMap((piece) => push(decoder, piece));
  const last = decoder.end();
  return last ? [...events, last] : events;
}

function push(decoder: EventStreamDecoder, piece: string | Uint8Array): ProviderEvent[] {
  const events: ProviderEvent[] = [];
  decoder.push(Buffer.from(piece), { takeEvent: (event) => void events.push(event) });
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

  it('offers every event to whom it may be nothing new, wherever the bytes are cut', () => {
    const decoder = new EventStreamDecoder();
    const seen: string[] = [];
    const known = 'data: a\n\n';
    const sink = {
      takeEvent: ({ data }: ProviderEvent) => void seen.push(data),
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
