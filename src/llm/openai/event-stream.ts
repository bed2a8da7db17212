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
  /** Is offered the text where an event begins, and says from where on it is to be decoded. */
  takeWhole?(text: string, at: number): number;
}

/** The provider sent an event that is longer than we are willing to hold. */
export class EventTooLongError extends Error {}

const BYTE_ORDER_MARK = '\uFEFF';

/** Far above any real event, and what one stream may make us hold. */
const MAX_EVENT_CHARS = 16 * 1024 * 1024;

/**
 * Decodes `text/event-stream` bytes as they arrive (https://html.spec.whatwg.org/multipage/server-sent-events.html),
 * wherever they are cut. Comments and fields that mean nothing here are dropped.
 */
export class EventStreamDecoder {
  private readonly utf8 = new StringDecoder('utf8');
  private begun = false;
  private line = '';
  private skipLineFeed = false;
  private data: string[] = [];
  private size = 0;
  private event: string | undefined;

  /** Hands on what these bytes complete, in order. Throws what the sink throws. */
  push(bytes: Uint8Array, sink: EventSink): void {
    // An incomplete character at the very end of a cut stream is never flushed, so none turns into U+FFFD.
    let text = this.utf8.write(bytes);
    if (!text) return;
    if (!this.begun && text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1);
    this.begun = true;
    const nextEnd = text.includes('\r') ? anyLineEnd : lineFeed;
    let at = this.skipLineFeed && text.startsWith('\n') ? 1 : 0;
    this.skipLineFeed = text.endsWith('\r');
    while (at < text.length) {
      if (sink.takeWhole && this.betweenEvents) at = sink.takeWhole(text, at);
      const end = nextEnd(text, at);
      this.line += text.slice(at, end.from);
      at = end.to;
      if (end.from < end.to) this.endLine(sink);
      this.checkSize();
    }
  }

  /** The event that the stream's end completes, for providers that leave out the last blank line. */
  end(): ProviderEvent | undefined {
    this.takeLine(this.line);
    this.line = '';
    return this.takeLine('');
  }

  private endLine(sink: EventSink): void {
    const event = this.takeLine(this.line);
    this.line = '';
    if (event) sink.takeEvent(event);
  }

  private get betweenEvents(): boolean {
    return !this.line && !this.data.length && this.event === undefined;
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

/** Where a line ends, and the next begins. */
interface LineEnd {
  from: number;
  to: number;
}

/** Hardly anybody sends carriage returns, and looking for one sort of line end is several times as fast. */
function lineFeed(text: string, at: number): LineEnd {
  const from = text.indexOf('\n', at);
  return from < 0 ? { from: text.length, to: text.length } : { from, to: from + 1 };
}

function anyLineEnd(text: string, at: number): LineEnd {
  const found = /\r\n|\n|\r/g;
  found.lastIndex = at;
  const end = found.exec(text);
  return end ? { from: end.index, to: end.index + end[0].length } : { from: text.length, to: text.length };
}
