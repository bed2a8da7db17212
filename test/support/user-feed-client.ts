import { request, type IncomingMessage } from 'node:http';

/** An event of `GET /events`. */
export interface FeedFrame {
  id: string;
  type: string;
  data: Record<string, unknown>;
}

export interface FeedRequest {
  user?: string;
  /** `include=chunks`, `after=…` */
  query?: string;
  lastEventId?: string;
  headers?: Record<string, string>;
}

const PATIENCE_MS = 25_000;
const FRAME = /^(?:: ping\n|id: (\S+)\ndata: (\{[^\n\r]*\})\n\n)/;

/** Reads a user's feed from a socket of its own. Every byte must be part of a frame as the contract writes it, or of a heartbeat. */
export class UserFeedClient {
  readonly events: FeedFrame[] = [];
  raw = '';
  complete: boolean | undefined;
  private rest = '';
  private readonly waiting = new Set<() => void>();

  private constructor(private readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.take(text));
    response.on('error', () => undefined);
    response.on('close', () => {
      this.complete = response.complete;
      this.waiting.forEach((check) => check());
    });
  }

  static open(origin: string, { user, query, lastEventId, headers }: FeedRequest): Promise<UserFeedClient> {
    const url = `${origin}/api/v1/events${query ? `?${query}` : ''}`;
    const all = {
      ...(user !== undefined && { 'x-user-id': user }),
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      ...headers,
    };
    return new Promise((resolve, reject) => {
      const opened = request(url, { headers: all, agent: false });
      opened.on('error', reject);
      opened.on('response', (response) => resolve(new UserFeedClient(response)));
      opened.end();
    });
  }

  get status(): number {
    return this.response.statusCode ?? 0;
  }

  get lastId(): string {
    return this.events[this.events.length - 1].id;
  }

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  /** The chunks of a reply, joined. */
  textOf(messageId: string): string {
    const chunks = this.events.filter(({ type, data }) => type === 'chunk' && data.message_id === messageId);
    return chunks.map(({ data }) => String(data.content)).join('');
  }

  of(type: string): FeedFrame[] {
    return this.events.filter((event) => event.type === type);
  }

  async until(condition: () => boolean): Promise<this> {
    await this.wait(() => condition() || this.complete !== undefined);
    if (!condition()) throw new Error(`The feed ended too early:\n${this.raw.slice(-2_000)}`);
    return this;
  }

  count(type: string, count: number): Promise<this> {
    return this.until(() => this.of(type).length >= count);
  }

  async done(): Promise<this> {
    await this.wait(() => this.complete !== undefined);
    return this;
  }

  async problem(): Promise<Record<string, unknown>> {
    await this.done();
    return JSON.parse(this.raw) as Record<string, unknown>;
  }

  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  close(): void {
    this.response.destroy();
  }

  private wait(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!condition()) return;
        this.waiting.delete(check);
        clearTimeout(timer);
        resolve();
      };
      const fail = () =>
        reject(new Error(`Nothing more comes after:\n${this.raw.replaceAll(': ping\n', '').slice(-2_000)}`));
      const timer = setTimeout(fail, PATIENCE_MS);
      this.waiting.add(check);
      check();
    });
  }

  private take(text: string): void {
    this.raw += text;
    if (this.status === 200) {
      this.rest += text;
      for (let match = FRAME.exec(this.rest); match; match = FRAME.exec(this.rest)) {
        this.rest = this.rest.slice(match[0].length);
        const [, id, json] = match;
        if (id) this.events.push({ id, ...(JSON.parse(json) as Omit<FeedFrame, 'id'>) });
      }
      if (this.rest.includes('\n\n')) throw new Error(`Not a frame: ${this.rest.slice(0, 500)}`);
    }
    this.waiting.forEach((check) => check());
  }
}
