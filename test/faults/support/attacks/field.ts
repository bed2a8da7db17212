import { request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { HostileModels } from './hostile-models';
import { Wire } from './wire';

const PASSWORD = 'a long walk in the rain';
/** Nobody waits for longer for an answer. */
const PATIENCE_MS = 30_000;

/** An account, and the address it comes from. */
export interface Person {
  name: string;
  token: string;
  from: string;
}

export interface Request {
  method?: string;
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** Where one attack, or the honest form of it, takes place: people and addresses of its own, so that none uses up the limits of another. */
export class Field {
  /** What came back, and how often. */
  readonly tally: Record<string, number> = {};
  private readonly people = new Map<number, Promise<Person>>();

  constructor(
    readonly url: string,
    /** From 1; each has a network of its own. */
    private readonly place: number,
    readonly models: HostileModels,
    readonly over: AbortSignal,
  ) {}

  count(what: string | number): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }

  address(index = 0): string {
    return `127.${1 + Math.floor(this.place / 250)}.${this.place % 250}.${10 + index}`;
  }

  /** An account that is logged in, with a provider `p` of its own: the hostile one, with all of its models. */
  person(index = 0): Promise<Person> {
    const known = this.people.get(index) ?? this.signUp(index);
    this.people.set(index, known);
    return known;
  }

  /** Until the time is over, or the field. */
  async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.over }).catch(() => undefined);
  }

  /** Answers as `over` ends it, with whatever has come. */
  async open(
    person: Person | string,
    { method = 'GET', path, body, headers }: Request,
  ): Promise<IncomingMessage> {
    const content = body === undefined ? undefined : JSON.stringify(body);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpRequest(this.url + (path.startsWith('/health') ? path : `/api/v1${path}`), {
        method,
        agent: false,
        localAddress: typeof person === 'string' ? person : person.from,
        signal: AbortSignal.any([this.over, AbortSignal.timeout(PATIENCE_MS)]),
        headers: {
          ...(content !== undefined && { 'content-type': 'application/json' }),
          ...(typeof person === 'string' ? {} : { authorization: `Bearer ${person.token}` }),
          ...headers,
        },
      });
      request.on('error', reject);
      request.on('response', resolve);
      request.end(content);
    });
    response.on('error', () => undefined);
    return response;
  }

  async call(person: Person | string, request: Request): Promise<Answer> {
    const response = await this.open(person, request);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    this.count(response.statusCode ?? 0);
    return { status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString()) };
  }

  /** Begins a reply of one of the person's own models and stays to its end. Answers the reply's id. */
  async turn(person: Person, model: string, conversationId?: string): Promise<string | undefined> {
    const { id, ended } = await this.begin(person, model, conversationId);
    await ended;
    return id;
  }

  /** The same; answers as soon as the reply has begun. */
  async begin(
    person: Person,
    model: string,
    conversationId?: string,
  ): Promise<{ id?: string; ended: Promise<unknown> }> {
    const body = { content: 'Tell me.', model: `p/${model}` };
    const path = conversationId ? `/chat/${conversationId}` : '/chat';
    const response = await this.open(person, { method: 'POST', path, body });
    this.count(response.statusCode ?? 0);
    const ended = new Promise((resolve) => response.once('close', resolve));
    let beginning = '';
    const begun = new Promise<void>((resolve) => {
      response.on('data', (chunk: Buffer) => {
        if (beginning.length < 1_000) beginning += chunk.toString();
        else resolve();
        if (beginning.includes('"message_id"')) resolve();
      });
    });
    await Promise.race([begun, ended]);
    return { id: /"message_id":"([^"]+)"/.exec(beginning)?.[1], ended };
  }

  /** A connection for bytes that no library sends. */
  wire(from: string, deaf = false): Promise<Wire> {
    return Wire.open(this.url, from, (status) => this.count(status), deaf ? null : undefined);
  }

  /** Undefined if the handshake is refused. */
  async socket(person: Person): Promise<WebSocket | undefined> {
    const socket = new WebSocket(`${this.url.replace(/^http/, 'ws')}/api/v1/ws`, {
      localAddress: person.from,
      headers: { authorization: `Bearer ${person.token}` },
    });
    this.over.addEventListener('abort', () => socket.terminate(), { once: true });
    socket.on('error', () => undefined);
    return new Promise((resolve) => {
      socket.once('open', () => resolve(socket));
      socket.once('unexpected-response', (_request, { statusCode }) => {
        this.count(statusCode ?? 0);
        socket.terminate();
      });
      socket.once('close', () => resolve(undefined));
    });
  }

  private async signUp(index: number): Promise<Person> {
    const from = this.address(index);
    const name = `field${this.place}-${index}-${process.pid}`;
    const account = { username: name, email: `${name}@example.com`, password: PASSWORD };
    await this.expect(201, from, { method: 'POST', path: '/auth/register', body: account });
    const login = { username: name, password: PASSWORD };
    const { access_token } = await this.expect(200, from, {
      method: 'POST',
      path: '/auth/token',
      body: login,
    });
    const person = { name, from, token: String(access_token) };
    const { url: base_url, names } = this.models;
    const provider = { name: 'p', base_url, api_key: 'sk-12345678', models: names };
    await this.expect(201, person, { method: 'POST', path: '/providers', body: provider });
    return person;
  }

  private async expect(status: number, person: Person | string, request: Request): Promise<Answer['body']> {
    const answer = await this.call(person, request);
    if (answer.status === status) return answer.body;
    throw new Error(`${request.path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
}

function parse(text: string): Answer['body'] {
  try {
    return JSON.parse(text) as Answer['body'];
  } catch {
    return {};
  }
}
