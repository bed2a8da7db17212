import { StringDecoder } from 'node:string_decoder';

/** One server-sent event of a provider. */
export interface ProviderEvent {
  /** `error` for the events that providers mark so; undefined for ordinary ones. */
  event?: string;
  data: string;
}

/** Who is handed what is decoded. */
export interface EventSink {
  takeEvent(event: ProviderEvent): void;
  /** Is offered the bytes where an event begins, and says from where on they are to be decoded. */
  takeWhole?(bytes: Buffer, at: number): number;
}

/** The provider sent an event that is longer than we are willing to hold. */
export class EventTooLongError extends Error {}

const BYTE_ORDER_MARK = '\uFEFF';
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** Far above any real event, and what one stream may make us hold. */
const MAX_EVENT_CHARS = 16 * 1024 * 1024;

/**
 * Decodes `text/event-stream` bytes as they arrive (https://html.spec.whatwg.org/multipage/server-sent-events.html),
 * wherever they are cut. Comments and fields that mean nothing here are dropped.
 */
export class EventStreamDecoder {
  private readonly utf8 = new StringDecoder('utf8');
  private begun = false;
  /** A line that has begun, and perhaps a character that has. */
  private line = '';
  private cut = false;
  private skipLineFeed = false;
  private data: string[] = [];
  private size = 0;
  private event: string | undefined;

  /** Hands on what these bytes complete, in order. Throws what the sink throws. */
  push(bytes: Buffer, sink: EventSink): void {
    const nextEnd = bytes.includes(CARRIAGE_RETURN) ? anyLineEnd : lineFeed;
    let at = this.skipLineFeed && bytes[0] === LINE_FEED ? 1 : 0;
    this.skipLineFeed = bytes.at(-1) === CARRIAGE_RETURN;
    while (at < bytes.length) {
      if (sink.takeWhole && this.betweenEvents) at = sink.takeWhole(bytes, at);
      if (at === bytes.length) return;
      const end = nextEnd(bytes, at);
      this.addToLine(bytes, at, end);
      at = end.to;
      if (!this.cut) this.endLine(sink);
      this.checkSize();
    }
  }

  /** The event that the stream's end completes, for providers that leave out the last blank line. */
  end(): ProviderEvent | undefined {
    this.takeLine(this.line);
    this.line = '';
    return this.takeLine('');
  }

  /** Whole lines are whole characters. One that is cut at the very end of a stream is never flushed, so none turns into U+FFFD. */
  private addToLine(bytes: Buffer, at: number, { from, to }: LineEnd): void {
    if (this.cut || from === to) this.line += this.utf8.write(bytes.subarray(at, from));
    else this.line = bytes.toString('utf8', at, from);
    this.cut = from === to;
  }

  private endLine(sink: EventSink): void {
    if (!this.begun && this.line.startsWith(BYTE_ORDER_MARK)) this.line = this.line.slice(1);
    this.begun = true;
    const event = this.takeLine(this.line);
    this.line = '';
    if (event) sink.takeEvent(event);
  }

  private get betweenEvents(): boolean {
    return !this.cut && !this.data.length && this.event === undefined;
  }

  private takeLine(line: string): ProviderEvent | undefined {
    if (line === '') return this.dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return undefined;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    this.takeField(name, value);
    return undefined;
  }

  private takeField(name: string, value: string): void {
    if (name === 'event') this.event = value;
    // Builds of llama.cpp from 2025 report failures as `error: {…}` in the place of `data:`.
    if (name === 'error') this.event = 'error';
    if (name !== 'data' && name !== 'error') return;
    this.data.push(value);
    this.size += value.length;
    this.checkSize();
  }

  private dispatch(): ProviderEvent | undefined {
    const { data, event } = this;
    this.data = [];
    this.size = 0;
    this.event = undefined;
    if (!data.length) return undefined;
    return { event, data: data.length === 1 ? data[0] : data.join('\n') };
  }

  private checkSize(): void {
    if (this.line.length + this.size > MAX_EVENT_CHARS) throw new EventTooLongError('An event is too long');
  }
}

/** Where a line ends, and the next begins; the same place if neither is there yet. */
interface LineEnd {
  from: number;
  to: number;
}

/** Hardly anybody sends carriage returns, and looking for one sort of line end is several times as fast. */
function lineFeed(bytes: Buffer, at: number): LineEnd {
  const from = bytes.indexOf(LINE_FEED, at);
  return from < 0 ? { from: bytes.length, to: bytes.length } : { from, to: from + 1 };
}

function anyLineEnd(bytes: Buffer, at: number): LineEnd {
  const feed = lineFeed(bytes, at);
  const from = bytes.indexOf(CARRIAGE_RETURN, at);
  if (from < 0 || from > feed.from) return feed;
  return { from, to: from + (feed.from === from + 1 && feed.to > feed.from ? 2 : 1) };
}
