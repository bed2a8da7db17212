import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

/** What a reply's stream may send. */
export type SseEvent = { id: string } & (
  | {
      type: 'start';
      data: {
        conversation_id: string;
        message_id: string;
        user_message_id: string;
        model: string;
        sibling_count?: number;
        sibling_position?: number;
        user_sibling_count?: number;
        user_sibling_position?: number;
      };
    }
  | { type: 'chunk' | 'reasoning'; data: { content: string } }
  | { type: 'end'; data: EndData }
  | { type: 'error'; data: { code: string; message: string; retryable: boolean } }
);

/** What is no event of a reply's log, and has no id: a model has named the conversation. */
export interface TitleNotice {
  type: 'title';
  data: { conversation_id: string; title: string };
}

/** The same: a place in the queue of a model. */
export interface QueuedNotice {
  type: 'queued';
  data: { message_id: string; position: number };
}

interface EndData {
  full_text: string;
  message_id: string;
  finish_reason: string;
  usage: { input_tokens: number; output_tokens: number } | null;
}

export interface SseRequest {
  method: string;
  headers: Record<string, string>;
  body?: unknown;
}

/** Nothing in these tests takes longer; a test that waits in vain says what it has got instead. */
const PATIENCE_MS = 25_000;

/**
 * Reads an event stream from a socket of its own. Every byte must be part of a frame as the contract writes it
 * (`id:`, one `data:` line with JSON, a blank line), of one without an id that tells a place in a queue, or of a `: ping` comment; anything else
 * is an error.
 */
export class SseReader {
  raw = '';
  readonly events: SseEvent[] = [];
  readonly notices: QueuedNotice[] = [];
  readonly titles: TitleNotice[] = [];
  pings = 0;
  /** Whether the body ended as HTTP asks for; undefined while it is open. */
  complete: boolean | undefined;
  private fault: Error | undefined;
  private rest = '';
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  private readonly waiting = new Set<() => void>();

  private constructor(private readonly response: IncomingMessage) {
    response.on('data', (bytes: Buffer) => this.take(bytes));
    response.on('error', () => undefined);
    response.on('close', () => {
      this.complete = response.complete;
      this.wake();
    });
  }

  static open(url: string, { method, headers, body }: SseRequest): Promise<SseReader> {
    const content = body === undefined ? undefined : JSON.stringify(body);
    const type = content === undefined ? {} : { 'content-type': 'application/json' };
    return new Promise((resolve, reject) => {
      const request = httpRequest(url, { method, headers: { ...type, ...headers }, agent: false });
      request.on('error', reject);
      request.on('response', (response) => resolve(new SseReader(response)));
      request.end(content);
    });
  }

  get status(): number {
    return this.response.statusCode ?? 0;
  }

  get headers(): IncomingHttpHeaders {
    return this.response.headers;
  }

  get isEventStream(): boolean {
    return this.status === 200 && /^text\/event-stream\b/.test(this.headers['content-type'] ?? '');
  }

  /** The body as JSON, of an answer that is no event stream. */
  async problem(): Promise<Record<string, unknown>> {
    await this.done();
    return JSON.parse(this.raw) as Record<string, unknown>;
  }

  get text(): string {
    return textOf(this.events);
  }

  get ids(): string[] {
    return this.events.map(({ id }) => id);
  }

  get last(): SseEvent {
    return this.events[this.events.length - 1];
  }

  /** The places in the queue of its model that were told. */
  get places(): number[] {
    return this.notices.map(({ data }) => data.position);
  }

  /** The data of the `end` event that the stream has ended with. */
  get end(): EndData {
    if (this.last?.type !== 'end')
      throw new Error(`The stream has not ended well:\n${this.raw.slice(-2_000)}`);
    return this.last.data;
  }

  get messageId(): string {
    return this.events[0].id.split(':')[0];
  }

  /** Everything but the heartbeats. */
  get frames(): string {
    return this.raw.replaceAll(/^: ping\n/gm, '');
  }

  /** Until so many events have come. */
  async count(events: number): Promise<this> {
    return this.until(() => this.events.length >= events);
  }

  async until(condition: () => boolean): Promise<this> {
    await this.wait(condition);
    if (!condition()) throw new Error(`The stream ended too early:\n${this.raw.slice(-2_000)}`);
    return this;
  }

  /** Until the server has ended the stream. */
  async done(): Promise<this> {
    await this.wait(() => this.complete !== undefined);
    if (this.isEventStream && this.rest)
      throw new Error(`The stream ends within a frame: ${this.rest.slice(0, 200)}`);
    return this;
  }

  /** Leaves, without a word. */
  close(): void {
    this.response.destroy();
  }

  /** Stops to read from the socket. */
  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  private async wait(condition: () => boolean): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      const check = () => {
        if (this.fault) reject(this.fault);
        else if (condition() || this.complete !== undefined) resolve();
        else return;
        this.waiting.delete(check);
      };
      timer = setTimeout(
        () => reject(new Error(`Nothing more comes after:\n${this.raw.slice(-2_000)}`)),
        PATIENCE_MS,
      );
      this.waiting.add(check);
      check();
    }).finally(() => clearTimeout(timer));
  }

  private take(bytes: Buffer): void {
    try {
      const text = this.decoder.decode(bytes, { stream: true });
      this.raw += text;
      if (this.isEventStream) this.parse(text);
    } catch (error) {
      this.fault = error as Error;
    }
    this.wake();
  }

  private parse(text: string): void {
    this.rest += text;
    for (let match = next(this.rest); match; match = next(this.rest)) {
      this.rest = this.rest.slice(match[0].length);
      const [frame, id, json] = match;
      if (json === undefined) this.pings += 1;
      else if (id !== undefined) this.events.push({ id, ...(JSON.parse(json) as object) } as SseEvent);
      else this.takeNotice(frame, json);
    }
    if (!isBeginning(this.rest)) throw new Error(`Not a frame: ${JSON.stringify(this.rest.slice(0, 500))}`);
  }

  private takeNotice(frame: string, json: string): void {
    const notice = JSON.parse(json) as QueuedNotice | TitleNotice;
    if (notice.type === 'queued') this.notices.push(notice);
    else if (notice.type === 'title') this.titles.push(notice);
    else throw new Error(`An event without an id: ${frame.slice(0, 500)}`);
  }

  private wake(): void {
    for (const check of this.waiting) check();
  }
}

export function textOf(events: SseEvent[]): string {
  return events.map((event) => (event.type === 'chunk' ? event.data.content : '')).join('');
}

/** The number in an event's id. */
export function sequenceOf({ id }: { id: string }): number {
  return Number(id.split(':')[1]);
}

function next(rest: string): RegExpExecArray | null {
  return /^(?:: ping\n|(?:id: ([0-9a-f-]{36}:\d+)\n)?data: (\{[^\n\r]*\})\n\n)/.exec(rest);
}

/** Whether a frame or a heartbeat may still come of it. */
function isBeginning(rest: string): boolean {
  if (': ping\n'.startsWith(rest.slice(0, 7))) return true;
  if (/^(?:d|da|dat|data|data:|data: (?:\{[^\n\r]*\n?)?)$/.test(rest)) return true;
  return /^(?:i|id|id:|id: [0-9a-f-]{0,36}(?::\d*(?:\n(?:d|da|dat|data|data:|data: (?:\{[^\n\r]*\n?)?)?)?)?)$/.test(
    rest,
  );
}
