import { connect, type Socket } from 'node:net';
import { WebSocket, type ClientOptions } from 'ws';
import { sequenceOf, textOf, type SseEvent } from './sse-reader';

/** What a socket may be sent. */
export interface Frame {
  id?: string;
  type: string;
  request_id?: string;
  data: Record<string, unknown>;
}

/** Nothing in these tests takes longer; a test that waits in vain says what it has got instead. */
const PATIENCE_MS = 25_000;

/** Why a handshake failed. */
export interface Refusal {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Record<string, unknown>;
}

/** A client of `/api/v1/ws`: keeps every frame as text and parsed. */
export class SocketClient {
  readonly raw: string[] = [];
  readonly frames: Frame[] = [];
  /** Once it is closed. */
  code: number | undefined;
  reason = '';
  private readonly waiting = new Set<() => void>();

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      this.raw.push(data.toString());
      this.frames.push(JSON.parse(data.toString()) as Frame);
      this.wake();
    });
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => {
      [this.code, this.reason] = [code, reason.toString()];
      this.wake();
    });
  }

  /** @throws Refusal */
  static async open(url: string, headers: object = {}, options: ClientOptions = {}): Promise<SocketClient> {
    const socket = new WebSocket(addressOf(url), { ...options, headers: { ...headers } });
    const client = new SocketClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
      socket.once('unexpected-response', (_request, response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const body = JSON.parse(Buffer.concat(chunks).toString()) as Refusal['body'];
          // oxlint-disable-next-line typescript/prefer-promise-reject-errors
          reject({ status: response.statusCode ?? 0, headers: response.headers, body } satisfies Refusal);
        });
      });
    });
    return client;
  }

  static of(url: string, user: string): Promise<SocketClient> {
    return SocketClient.open(url, { 'X-User-ID': user });
  }

  send(frame: unknown): this {
    this.socket.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
    return this;
  }

  /** Sends a frame and waits for the first one that carries its request id. */
  async ask(frame: { type: string; request_id: string } & Record<string, unknown>): Promise<Frame> {
    const before = this.frames.length;
    const answers = () =>
      this.frames.slice(before).filter(({ request_id }) => request_id === frame.request_id);
    this.send(frame);
    await this.until(() => answers().length > 0);
    return answers()[0];
  }

  /** Until the reply that answers this frame has ended. */
  async reply(requestId: string): Promise<SocketReply> {
    await this.until(() => this.eventsFor(requestId).some(({ type }) => type === 'end' || type === 'error'));
    return new SocketReply(this.eventsFor(requestId));
  }

  /** The events of replies, in order, which were sent for a frame. */
  eventsFor(requestId?: string): SseEvent[] {
    return this.frames
      .filter(({ id, request_id }) => id !== undefined && request_id === requestId)
      .map(({ request_id: _requestId, ...event }) => event as unknown as SseEvent);
  }

  async until(condition: () => boolean): Promise<this> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      const check = () => {
        if (condition()) resolve();
        else if (this.code !== undefined) reject(new Error(`Closed with ${this.code}: ${this.tail}`));
      };
      timer = setTimeout(() => reject(new Error(`Nothing more comes after: ${this.tail}`)), PATIENCE_MS);
      this.waiting.add(check);
      check();
    }).finally(() => clearTimeout(timer));
    return this;
  }

  async closed(): Promise<number> {
    await this.until(() => this.code !== undefined);
    return this.code ?? 0;
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed();
  }

  private get tail(): string {
    return this.raw.join('\n').slice(-2_000);
  }

  private wake(): void {
    for (const check of this.waiting) check();
  }
}

/** A reply as it came over a socket. */
export class SocketReply {
  constructor(readonly events: SseEvent[]) {}

  get ids(): string[] {
    return this.events.map(({ id }) => id);
  }

  get sequences(): number[] {
    return this.events.map(sequenceOf);
  }

  get text(): string {
    return textOf(this.events);
  }

  get messageId(): string {
    return this.events[0].id.split(':')[0];
  }

  get last(): SseEvent {
    return this.events[this.events.length - 1];
  }
}

/** The refusal of a handshake that must fail. */
export async function refusalOf(url: string, headers: object = {}): Promise<Refusal> {
  const opened = await SocketClient.open(url, headers).catch((error: unknown) => error);
  if (!(opened instanceof SocketClient)) return opened as Refusal;
  await opened.close();
  throw new Error('The handshake was accepted.');
}

/** A socket after its handshake, for bytes that no library would send. */
export async function rawSocket(url: string, headers: Record<string, string>): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write(handshake(headers));
  const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  if (!answer.toString().startsWith('HTTP/1.1 101 ')) throw new Error(answer.toString());
  return socket;
}

export function handshake(headers: Record<string, string>, path = '/api/v1/ws'): string {
  const all = {
    Host: '127.0.0.1',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** A frame as a client sends it: masked, with a mask of zeros. */
export function clientFrame(firstByte: number, payload: Buffer, length = payload.length): Buffer {
  if (length < 126) return Buffer.concat([Buffer.from([firstByte, 0x80 | length, 0, 0, 0, 0]), payload]);
  const header = Buffer.alloc(14);
  header[0] = firstByte;
  header[1] = 0x80 | 127;
  header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, payload]);
}

/** The close code among these bytes of a server, after which it has ended the connection; undefined without one. */
export function closeCode(bytes: Buffer): number | undefined {
  const index = bytes.lastIndexOf(0x88);
  return index < 0 || index + 4 > bytes.length ? undefined : bytes.readUInt16BE(index + 2);
}

function addressOf(url: string): string {
  const address = url.includes('/api/v1/ws') ? url : `${url}/api/v1/ws`;
  return address.replace(/^http/, 'ws');
}
