import type { MessagePart } from '../../../messages/message.types';
import type { ReplyEvent } from '../../events/reply-event.dto';

/** Takes what a batch holds of one reply, event by event. */
export interface EventSink {
  /** A chunk or reasoning: its text is these bytes of UTF-8, which are `length` UTF-16 units. */
  takeText(type: MessagePart['type'], utf8: Buffer, from: number, to: number, length: number): void;
  /** Any other event, and a text that JSON escapes. */
  takeEvent(event: ReplyEvent): void;
}

const TEXTS: readonly { type: MessagePart['type']; before: Buffer }[] = [
  { type: 'text', before: Buffer.from('{"type":"chunk","data":{"content":"') },
  { type: 'reasoning', before: Buffer.from('{"type":"reasoning","data":{"content":"') },
];
const AFTER_TEXT = Buffer.from('"}}');

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const ID_LENGTH = 36;

/**
 * Reads a batch as `encodePayload` writes it, without making a value of each event: a journal of hundreds of megabytes is read several
 * times as fast, and leaves no garbage. Throws a `SyntaxError` where the batch is broken; what comes before that has been taken.
 */
export class PayloadReader {
  private readonly bytes: Buffer;
  private at = 0;
  /** Whether the value that was skipped last escapes anything. */
  private escaped = false;

  constructor(payload: string) {
    this.bytes = Buffer.from(payload);
  }

  /** @param sinkOf who takes the events of a reply from a sequence on; undefined if nobody does */
  read(sinkOf: (messageId: string, sequence: number) => EventSink | undefined): void {
    this.expect(OPEN_LIST);
    if (this.next() === CLOSE_LIST) return;
    do this.readRun(sinkOf);
    while (this.goesOn());
  }

  private readRun(sinkOf: (messageId: string, sequence: number) => EventSink | undefined): void {
    this.expect(OPEN_LIST);
    this.expect(QUOTE);
    const id = this.bytes.toString('latin1', this.at, (this.at += ID_LENGTH));
    this.expect(QUOTE);
    this.expect(COMMA);
    const sink = sinkOf(id, this.readNumber());
    this.expect(COMMA);
    this.expect(OPEN_LIST);
    if (this.next() === CLOSE_LIST) this.at++;
    else {
      do this.readEvent(sink);
      while (this.goesOn());
    }
    this.expect(CLOSE_LIST);
  }

  private readEvent(sink: EventSink | undefined): void {
    const from = this.at;
    this.skipObject();
    if (!sink) return;
    const text = this.escaped ? undefined : TEXTS.find(({ before }) => this.has(before, from));
    if (text && this.has(AFTER_TEXT, this.at - AFTER_TEXT.length)) {
      const [begin, end] = [from + text.before.length, this.at - AFTER_TEXT.length];
      sink.takeText(text.type, this.bytes, begin, end, this.utf16Length(begin, end));
    } else sink.takeEvent(JSON.parse(this.bytes.toString('utf8', from, this.at)) as ReplyEvent);
  }

  /** Goes to the end of an object, whatever is in it. */
  private skipObject(): void {
    const { bytes } = this;
    this.expect(OPEN_OBJECT);
    this.escaped = false;
    for (let depth = 1; depth > 0; this.at++) {
      const byte = this.next();
      if (byte === QUOTE) this.skipText();
      else if (byte === OPEN_OBJECT) depth++;
      else if (byte === CLOSE_OBJECT) depth--;
      else if (byte === undefined) throw brokenAt(bytes.length);
    }
  }

  /** From the quote that begins a text to the one that ends it. */
  private skipText(): void {
    const { bytes } = this;
    for (this.at++; bytes[this.at] !== QUOTE; this.at++) {
      if (this.at >= bytes.length) throw brokenAt(this.at);
      if (bytes[this.at] !== BACKSLASH) continue;
      this.escaped = true;
      this.at++;
    }
  }

  private readNumber(): number {
    const from = this.at;
    while (this.next() !== COMMA && this.at < this.bytes.length) this.at++;
    return Number(this.bytes.toString('latin1', from, this.at));
  }

  private utf16Length(from: number, to: number): number {
    let length = 0;
    for (let place = from; place < to; place++) {
      const byte = this.bytes[place];
      // A character is as many units as it has first bytes, and one more where it takes four.
      if ((byte & 0xc0) !== 0x80) length += byte >= 0xf0 ? 2 : 1;
    }
    return length;
  }

  private has(expected: Buffer, from: number): boolean {
    for (let place = 0; place < expected.length; place++) {
      if (this.bytes[from + place] !== expected[place]) return false;
    }
    return true;
  }

  /** Goes past what comes between two of a list, or past its end. */
  private goesOn(): boolean {
    const byte = this.bytes[this.at++];
    if (byte !== COMMA && byte !== CLOSE_LIST) throw brokenAt(this.at - 1);
    return byte === COMMA;
  }

  private expect(byte: number): void {
    if (this.bytes[this.at++] !== byte) throw brokenAt(this.at - 1);
  }

  private next(): number | undefined {
    return this.bytes[this.at];
  }
}

function brokenAt(place: number): SyntaxError {
  return new SyntaxError(`The batch is broken at byte ${place}`);
}
