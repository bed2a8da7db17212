import { StringDecoder } from 'node:string_decoder';
import { PROVIDER_BOUNDS } from '../../config/bounds';
import { GrowingBuffer } from './growing-buffer';

/** One server-sent event of a provider. */
export interface ProviderEvent {
  /** `error` for the events that providers mark so; undefined for ordinary ones. */
  event?: string;
  data: string;
}

/** Who is handed what is decoded. */
export interface EventSink {
  /** `lines`: how many it came in. */
  onEvent(event: ProviderEvent, lines: number): void;
  /** Is told of lines that are no event: comments, blank lines, fields without data. */
  skip?(lines: number): void;
  /** Is offered the bytes where an event begins, and says from where on they are to be decoded. */
  takeWhole?(bytes: Buffer, at: number): number;
}

/** The provider sent an event that is longer than we are willing to hold. */
export class EventTooLongError extends Error {}

const BYTE_ORDER_MARK = '\uFEFF';
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const BYTES_OF_CHARACTER = 2;

/**
 * Decodes `text/event-stream` bytes as they arrive (https://html.spec.whatwg.org/multipage/server-sent-events.html),
 * wherever they are cut, in time that grows with their number only. Comments and fields that mean nothing here are dropped.
 */
export class EventStreamDecoder {
  private started = false;
  /** A line that has begun. Its bytes, as one of its characters may have begun, too. */
  private readonly line = new GrowingBuffer();
  private skipLineFeed = false;
  /** The event that has begun. */
  private data: string[] = [];
  private size = 0;
  private event: string | undefined;
  private lines = 0;

  /** @param maxBytes of one event; a longer one is an EventTooLongError */
  constructor(private readonly maxBytes: number = PROVIDER_BOUNDS.bytesOfEvent.limit) {}

  /** What it keeps for the next bytes, in bytes. */
  get held(): number {
    return this.line.capacity + this.size * BYTES_OF_CHARACTER;
  }

  /** Hands on what these bytes complete, in order. Throws what the sink throws. */
  push(bytes: Buffer, sink: EventSink): void {
    if (!bytes.length) return;
    const ends = new LineEnds(bytes);
    let at = this.skipLineFeed && bytes[0] === LINE_FEED ? 1 : 0;
    this.skipLineFeed = bytes.at(-1) === CARRIAGE_RETURN;
    while (at < bytes.length) {
      if (this.betweenEvents) at = this.offer(bytes, at, sink);
      if (at === bytes.length) return;
      const end = ends.after(at);
      if (end === bytes.length) {
        this.hold(bytes, at, end);
        return;
      }
      this.takeLine(this.lineTo(bytes, at, end), sink);
      at = end + ends.lengthAt(end);
    }
  }

  /** The event that the stream's end completes, for providers that leave out the last blank line. */
  end(): ProviderEvent | undefined {
    let last: ProviderEvent | undefined;
    const sink: EventSink = { onEvent: (event) => void (last = event) };
    // A character that is cut at the very end is never flushed, so none turns into U+FFFD.
    this.takeLine(new StringDecoder('utf8').write(this.line.take()), sink);
    this.dispatch(sink);
    return last;
  }

  private get betweenEvents(): boolean {
    return !this.line.length && !this.data.length && this.event === undefined;
  }

  private offer(bytes: Buffer, at: number, sink: EventSink): number {
    const to = sink.takeWhole?.(bytes, at) ?? at;
    if (to > at) this.lines = 0;
    return to;
  }

  private lineTo(bytes: Buffer, at: number, end: number): string {
    if (!this.line.length) return bytes.toString('utf8', at, end);
    this.hold(bytes, at, end);
    return this.line.takeText();
  }

  private hold(bytes: Buffer, from: number, to: number): void {
    this.line.append(bytes, from, to);
    this.checkSize();
  }

  private takeLine(whole: string, sink: EventSink): void {
    const line = !this.started && whole.startsWith(BYTE_ORDER_MARK) ? whole.slice(1) : whole;
    this.started = true;
    if (line === '') return this.dispatch(sink);
    const colon = line.indexOf(':');
    if (colon === 0) return sink.skip?.(1);
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (name === 'data' && this.isNext(value)) this.dispatch(sink);
    this.takeField(name, value);
  }

  /** Some servers leave out the blank line between events: two whole objects, one in each line, are no value together. */
  private isNext(value: string): boolean {
    if (this.data.length !== 1 || (!value.startsWith('{') && value !== '[DONE]')) return false;
    const [before] = this.data;
    return before.startsWith('{') && before.endsWith('}');
  }

  private takeField(name: string, value: string): void {
    if (++this.lines > PROVIDER_BOUNDS.linesOfEvent.limit)
      throw new EventTooLongError('An event has too many lines');
    if (name === 'event') this.event = value;
    // Builds of llama.cpp from 2025 report failures as `error: {…}` in the place of `data:`.
    if (name === 'error') this.event = 'error';
    if (name !== 'data' && name !== 'error') return;
    this.data.push(value);
    this.size += value.length + 1;
    this.checkSize();
  }

  private dispatch(sink: EventSink): void {
    const { data, event, lines } = this;
    this.data = [];
    this.size = 0;
    this.event = undefined;
    this.lines = 0;
    if (!data.length) sink.skip?.(lines + 1);
    else sink.onEvent({ event, data: data.length === 1 ? data[0] : data.join('\n') }, lines + 1);
  }

  private checkSize(): void {
    if (this.line.length + this.size > this.maxBytes) throw new EventTooLongError('An event is too long');
  }
}

/**
 * Finds the line ends of one piece, LF, CR LF or CR. Where the next of each kind is stays known until it is passed: a search from
 * every line for a kind that is rare would go through the rest of the piece each time.
 */
class LineEnds {
  private feed = -1;
  private carriage = -1;

  constructor(private readonly bytes: Buffer) {}

  /** Where the line ends that goes on at `at`; the length of the piece if that is not there yet. */
  after(at: number): number {
    if (this.feed < at) this.feed = this.find(LINE_FEED, at);
    if (this.carriage < at) this.carriage = this.find(CARRIAGE_RETURN, at);
    return Math.min(this.feed, this.carriage);
  }

  lengthAt(end: number): number {
    return this.bytes[end] === CARRIAGE_RETURN && this.bytes[end + 1] === LINE_FEED ? 2 : 1;
  }

  private find(byte: number, at: number): number {
    const found = this.bytes.indexOf(byte, at);
    return found < 0 ? this.bytes.length : found;
  }
}
