import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { reply } from './model-server/behaviours';
import {
  type Behaviour,
  type ChatBody,
  ClientGone,
  Exchange,
  type RecordedRequest,
} from './model-server/exchange';

/**
 * A scriptable model provider on a real socket: speaks OpenAI's chat completions over HTTP.
 *
 *     const server = await startModelServer();
 *     server.script(failure(503), reply('Hello there.'));   // one behaviour for each request, in order
 *     server.otherwise(echo());                             // for all that follow
 *     … call it at `server.url` (or start an app with `server.env`) …
 *     expect(server.requests[1].body.messages).toEqual([…]);
 *     await server.requests[0].closed;                      // the client's connection has ended
 *     await server.close();
 *
 * Behaviours are in `model-server/behaviours.ts`, gates for deterministic tests in `model-server/gate.ts`.
 */
export class ModelServer {
  /** In order of arrival. */
  readonly requests: RecordedRequest[] = [];
  /** What went wrong inside behaviours. A test that expects nothing of the kind may check that it is empty. */
  readonly faults: unknown[] = [];
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly exchanges = new Set<Exchange>();
  private readonly queue: Behaviour[] = [];
  private fallback: Behaviour = reply(DEFAULT_REPLY);
  private waiting: { count: number; resolve: () => void }[] = [];

  constructor() {
    this.server = createServer((request, response) => void this.handle(request, response));
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  get listening(): boolean {
    return this.server.listening;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** What to use as base URL. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  /** Environment variables that make an app use this server. */
  get env(): { OPENAI_BASE_URL: string; OPENAI_API_KEY: string; OPENAI_MODEL: string } {
    return { OPENAI_BASE_URL: this.url, OPENAI_API_KEY: 'test-key-0123456789', OPENAI_MODEL: 'test-model' };
  }

  /** TCP connections that clients hold open, idle ones included. */
  get openSockets(): number {
    return this.sockets.size;
  }

  /** Requests that are being answered. */
  get openRequests(): number {
    return this.exchanges.size;
  }

  /** Queues behaviours: each is used for one request. */
  script(...behaviours: Behaviour[]): this {
    this.queue.push(...behaviours);
    return this;
  }

  /** What to do when the script is empty; at first, a short friendly reply. */
  otherwise(behaviour: Behaviour): this {
    this.fallback = behaviour;
    return this;
  }

  /** The request with this index, as soon as it has arrived. */
  async request(index: number): Promise<RecordedRequest> {
    if (this.requests.length <= index) {
      await new Promise<void>((resolve) => this.waiting.push({ count: index + 1, resolve }));
    }
    return this.requests[index];
  }

  /** Forgets script and requests, and ends those that are still open; for use between tests. */
  reset(): void {
    this.queue.length = 0;
    this.requests.length = 0;
    this.faults.length = 0;
    this.fallback = reply(DEFAULT_REPLY);
    // Idle connections stay: a client may be about to use one.
    for (const { response } of this.exchanges) response.destroy();
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { promise: closed, resolve } = Promise.withResolvers<'completed' | 'aborted'>();
    response.once('close', () => resolve(response.writableFinished ? 'completed' : 'aborted'));
    const { method = '', url = '', headers } = incoming;
    const body = parseBody(await readText(incoming).catch(() => ''));
    const request = { method, url, headers, body, at: performance.now(), closed, isClosed: false };
    void closed.then(() => (request.isClosed = true));
    const exchange = new Exchange(request, response);
    this.exchanges.add(exchange);
    void closed.then(() => this.exchanges.delete(exchange));
    this.record(request);
    await this.answer(exchange);
  }

  private record(request: RecordedRequest): void {
    this.requests.push(request);
    for (const { count, resolve } of this.waiting) if (count <= this.requests.length) resolve();
    this.waiting = this.waiting.filter(({ count }) => count > this.requests.length);
  }

  private async answer(exchange: Exchange): Promise<void> {
    const behaviour = this.queue.shift() ?? this.fallback;
    try {
      await behaviour(exchange);
    } catch (error) {
      if (error instanceof ClientGone) return;
      this.faults.push(error);
      exchange.reset();
    }
  }
}

export async function startModelServer(): Promise<ModelServer> {
  return new ModelServer().listen();
}

const DEFAULT_REPLY = 'Hello from the model server.';

function parseBody(text: string): ChatBody {
  try {
    return JSON.parse(text) as ChatBody;
  } catch {
    return { model: '', messages: [] };
  }
}
