import type { TextLikePart } from '../../../messages/content/parts';
import { deltaEvent } from '../../events/event-codec';
import type { ReplyEvent } from '../../events/reply-event.dto';

/** Receives the events of one reply in a batch, one by one. */
export interface EventSink {
  /** Receives an event that shows text: bytes `from` to `to` of `utf8`, which are `length` UTF-16 units. */
  onText(type: TextLikePart['type'], utf8: Buffer, from: number, to: number, length: number): void;
  /** Receives any other event, and a text with JSON escapes. */
  onEvent(event: ReplyEvent): void;
}

const TEXT_TYPES = { text: true, reasoning: true } satisfies Record<TextLikePart['type'], true>;
const AFTER_TEXT = Buffer.from('"}}');
/** The bytes of each kind of text event before its text. */
const TEXTS = (Object.keys(TEXT_TYPES) as TextLikePart['type'][]).map((type) => {
  const empty = Buffer.from(JSON.stringify(deltaEvent({ type, text: '' })));
  return { type, before: empty.subarray(0, -AFTER_TEXT.length) };
});

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const ID_LENGTH = 36;

/**
 * Parses a batch as `encodePayload` writes it, without creating a value for each event: a journal of hundreds of megabytes is read
 * several times as fast, and leaves no garbage. Throws a `SyntaxError` where the batch is broken; events before that have been
 * delivered. Called by `Recovery`.
 */
export class PayloadReader {
  private readonly bytes: Buffer;
  private offset = 0;
  /** Whether the value that was skipped last has a JSON escape. */
  private escaped = false;

  constructor(payload: string) {
    this.bytes = Buffer.from(payload);
  }

  /** @param sinkOf returns the sink for the events of a reply from a sequence on; undefined to skip them */
  read(sinkOf: (messageId: string, sequence: number) => EventSink | undefined): void {
    this.expect(OPEN_LIST);
    if (this.next() === CLOSE_LIST) return;
    do this.readRun(sinkOf);
    while (this.hasNextItem());
  }

  private readRun(sinkOf: (messageId: string, sequence: number) => EventSink | undefined): void {
    this.expect(OPEN_LIST);
    this.expect(QUOTE);
    const id = this.bytes.toString('latin1', this.offset, (this.offset += ID_LENGTH));
    this.expect(QUOTE);
    this.expect(COMMA);
    const sink = sinkOf(id, this.readNumber());
    this.expect(COMMA);
    this.expect(OPEN_LIST);
    if (this.next() === CLOSE_LIST) this.offset++;
    else {
      do this.readEvent(sink);
      while (this.hasNextItem());
    }
    this.expect(CLOSE_LIST);
  }

  private readEvent(sink: EventSink | undefined): void {
    const from = this.offset;
    this.skipObject();
    if (!sink) return;
    const text = this.escaped ? undefined : TEXTS.find(({ before }) => this.has(before, from));
    if (text && this.has(AFTER_TEXT, this.offset - AFTER_TEXT.length)) {
      const [begin, end] = [from + text.before.length, this.offset - AFTER_TEXT.length];
      sink.onText(text.type, this.bytes, begin, end, this.utf16Length(begin, end));
    } else sink.onEvent(JSON.parse(this.bytes.toString('utf8', from, this.offset)) as ReplyEvent);
  }

  /** Skips to the end of an object, whatever its content. */
  private skipObject(): void {
    const { bytes } = this;
    this.expect(OPEN_OBJECT);
    this.escaped = false;
    for (let depth = 1; depth > 0; this.offset++) {
      const byte = this.next();
      if (byte === QUOTE) this.skipText();
      else if (byte === OPEN_OBJECT) depth++;
      else if (byte === CLOSE_OBJECT) depth--;
      else if (byte === undefined) throw brokenAt(bytes.length);
    }
  }

  /** Skips a string, from its opening quote to its closing one. */
  private skipText(): void {
    const { bytes } = this;
    for (this.offset++; bytes[this.offset] !== QUOTE; this.offset++) {
      if (this.offset >= bytes.length) throw brokenAt(this.offset);
      if (bytes[this.offset] !== BACKSLASH) continue;
      this.escaped = true;
      this.offset++;
    }
  }

  private readNumber(): number {
    const from = this.offset;
    while (this.next() !== COMMA && this.offset < this.bytes.length) this.offset++;
    return Number(this.bytes.toString('latin1', from, this.offset));
  }

  private utf16Length(from: number, to: number): number {
    let length = 0;
    for (let offset = from; offset < to; offset++) {
      const byte = this.bytes[offset];
      // Each character has one leading byte and is one UTF-16 unit, or two if it takes four bytes.
      if ((byte & 0xc0) !== 0x80) length += byte >= 0xf0 ? 2 : 1;
    }
    return length;
  }

  private has(expected: Buffer, from: number): boolean {
    for (let offset = 0; offset < expected.length; offset++) {
      if (this.bytes[from + offset] !== expected[offset]) return false;
    }
    return true;
  }

  /** Consumes the separator after a list item, or the end of the list; true if another item follows. */
  private hasNextItem(): boolean {
    const byte = this.bytes[this.offset++];
    if (byte !== COMMA && byte !== CLOSE_LIST) throw brokenAt(this.offset - 1);
    return byte === COMMA;
  }

  private expect(byte: number): void {
    if (this.bytes[this.offset++] !== byte) throw brokenAt(this.offset - 1);
  }

  private next(): number | undefined {
    return this.bytes[this.offset];
  }
}

function brokenAt(offset: number): SyntaxError {
  return new SyntaxError(`The batch is broken at byte ${offset}`);
}
