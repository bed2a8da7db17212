import { Controller, Get, Module, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Response } from 'express';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { logFrom } from '../../test/support/log-from';
import { logged, type LoggedEvent } from '../replies/events/event-codec';
import { chunkOf } from './event-bytes';
import type { EventEncoder } from './event-encoder';
import { streamEvents } from './sse-response';
import { replyErrorEvent } from './with-error-event';

type Batches = (signal: AbortSignal) => AsyncIterable<LoggedEvent[]>;

/** The native dialect, in short. */
const encoder: EventEncoder = {
  encode: (batch) =>
    batch.map(({ messageId, sequence, json }) => `id: ${messageId}:${sequence}\ndata: ${json}\n\n`).join(''),
};
let log: Batches;
let heartbeatMs: number;
const watched = new Set<symbol>();
const watch = vi.fn(() => {
  const one = Symbol('watched');
  watched.add(one);
  return () => void watched.delete(one);
});

@Controller()
class StreamController {
  @Get('stream')
  stream(@Res() response: Response) {
    streamEvents(response, logFrom(log), { encoder, makeErrorEvent: replyErrorEvent, heartbeatMs });
  }

  /** A route that looks its client up before it streams. */
  @Get('late')
  async late(@Res() response: Response) {
    await sleep(100);
    streamEvents(response, logFrom(log), { encoder, makeErrorEvent: replyErrorEvent, heartbeatMs, watch });
  }

  @Get('alive')
  alive() {
    return 'yes';
  }
}

@Module({ controllers: [StreamController] })
class StreamModule {}

const chunk = (sequence: number, content: string) =>
  logged('reply', sequence, { type: 'chunk', data: { content } });

function logOf(...batches: LoggedEvent[][]): Batches {
  return async function* () {
    yield* batches;
  };
}

describe('streamEvents', () => {
  let app: NestExpressApplication;
  let url: string;

  beforeAll(async () => {
    app = await NestFactory.create<NestExpressApplication>(StreamModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  beforeEach(() => (heartbeatMs = 60_000));
  afterAll(() => app.close());

  it('is made of id and data lines only, from the first byte on', async () => {
    log = logOf([chunk(1, 'a\r\nb'), chunk(2, 'c')], [chunk(3, '\u2028')]);
    const text = await (await fetch(`${url}/stream`)).text();
    expect(text).toBe(
      'id: reply:1\ndata: {"type":"chunk","data":{"content":"a\\r\\nb"}}\n\n' +
        'id: reply:2\ndata: {"type":"chunk","data":{"content":"c"}}\n\n' +
        'id: reply:3\ndata: {"type":"chunk","data":{"content":"\u2028"}}\n\n',
    );
  });

  it('sends heartbeats as comments with one line feed, before the first event', async () => {
    heartbeatMs = 20;
    log = async function* () {
      await new Promise((resolve) => setTimeout(resolve, 110));
      yield [chunk(1, 'late')];
    };
    const text = await (await fetch(`${url}/stream`)).text();
    expect(text).toMatch(/^(: ping\n){2,6}id: reply:1\n/);
  });

  it('answers at once, before there is anything to send', async () => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    log = async function* () {
      await released;
      yield [];
    };
    const response = await fetch(`${url}/stream`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(response.headers.get('cache-control')).toContain('no-transform');
    release();
    expect(await response.text()).toBe('');
  });

  it('is framed as chunks in bytes, after which the connection takes the next request', async () => {
    log = logOf([chunk(1, 'ü🌍')], [chunk(2, 'b')]);
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(
      'GET /stream HTTP/1.1\r\nHost: x\r\n\r\nGET /alive HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    let answers = Buffer.alloc(0);
    for await (const bytes of socket) answers = Buffer.concat([answers, bytes as Buffer]);
    const [, body, next] = answers.toString().split('\r\n\r\n');
    const frames = [chunk(1, 'ü🌍'), chunk(2, 'b')].map(
      ({ sequence, json }) => `id: reply:${sequence}\ndata: ${json}\n\n`,
    );
    const framed = frames.map((frame) => `${Buffer.byteLength(frame).toString(16)}\r\n${frame}\r\n`);
    expect(`${body}\r\n\r\n`).toBe(`${framed.join('')}0\r\n\r\n`);
    expect(next).toMatch(/^HTTP\/1.1 200 OK/);
  });

  it('adds nothing to an answer that has ended but waits for its turn on the connection', async () => {
    heartbeatMs = 10;
    let release = (): void => undefined;
    const first = new Promise<void>((resolve) => (release = resolve));
    const logs = [
      async function* () {
        await first;
        yield [chunk(1, 'a')];
      },
      logOf([chunk(1, 'b')]),
    ];
    log = (signal) => (logs.shift() ?? logOf())(signal);
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const request = (close: string) => `GET /stream HTTP/1.1\r\nHost: x\r\n${close}\r\n`;
    socket.write(request('') + request('Connection: close\r\n'));
    await sleep(100);
    release();
    let text = '';
    for await (const bytes of socket) text += String(bytes);
    const [, second] = text.split(/(?=HTTP\/1.1 200)/);
    expect(second).toMatch(/"b"}}\n\n\r\n0\r\n\r\n$/);
    expect(await (await fetch(`${url}/alive`)).text()).toBe('yes');
  });

  it('begins nothing for a client that has left, and lets go of one whose answer never had its turn', async () => {
    const reading = vi.fn((signal: AbortSignal) => signal);
    log = async function* (signal) {
      reading(signal);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      yield [];
    };
    const port = Number(new URL(url).port);
    const gone = connect(port, '127.0.0.1', () => gone.write('GET /late HTTP/1.1\r\nHost: x\r\n\r\n'));
    await sleep(50);
    gone.destroy();
    await sleep(150);
    expect([reading, watch].map((each) => each.mock.calls.length)).toEqual([0, 0]);
    const request = 'GET /late HTTP/1.1\r\nHost: x\r\n\r\n';
    const queued = connect(port, '127.0.0.1', () => queued.write(request + request));
    await sleep(250);
    expect([reading.mock.calls.length, watched.size]).toEqual([2, 2]);
    queued.destroy();
    await sleep(50);
    expect(watched.size).toBe(0);
    expect(reading.mock.calls.every(([signal]) => signal.aborted)).toBe(true);
  });

  it('tells the log when its reader leaves', async () => {
    let left = (): void => undefined;
    const leaving = new Promise<void>((resolve) => (left = resolve));
    log = async function* (signal) {
      signal.addEventListener('abort', left);
      yield [chunk(1, 'a')];
      await leaving;
    };
    const client = new AbortController();
    const response = await fetch(`${url}/stream`, { signal: client.signal });
    await response.body?.getReader().read();
    client.abort();
    await leaving;
  });

  it('reads no further than a client that does not read, and goes on when it does', async () => {
    const text = 'x'.repeat(64 * 1024);
    let produced = 0;
    log = async function* () {
      for (; produced < 400; produced++) yield [chunk(produced + 1, text)];
    };
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 700));
    const before = produced;
    expect(before).toBeLessThan(300);
    let received = 0;
    socket.on('data', (data) => (received += data.length));
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(produced).toBe(400);
    expect(received).toBeGreaterThan(400 * text.length);
  });

  it("tells of a log that cannot be read on by the contract's error event, from which the client can go on", async () => {
    log = async function* () {
      yield [chunk(1, 'a')];
      throw new Error('secret');
    };
    const text = await (await fetch(`${url}/stream`)).text();
    expect(text.split('\n\n')[1]).toMatch(
      /^id: reply:1\ndata: {"type":"error","data":{"code":"storage_unavailable"/,
    );
    expect(text).not.toContain('secret');
    expect(text).not.toContain('event:');
  });

  it('ends the connection of a log that cannot be read at all', async () => {
    log = async function* () {
      yield await Promise.reject(new Error('secret'));
    };
    const seen = await fetch(`${url}/stream`).then(
      (response) => response.text(),
      (error: unknown) => error,
    );
    expect(String(seen)).not.toContain('secret');
    expect(await (await fetch(`${url}/alive`)).text()).toBe('yes');
  });
});

it('encodes a batch once for all who read it in the same dialect, and each dialect by itself', () => {
  const batch = [chunk(2, 'a')];
  const encode = vi.fn((events: readonly LoggedEvent[]) => encoder.encode(events));
  const [one, other] = [{ encode }, { encode: () => 'other' }];
  expect(chunkOf(batch, one)).toBe(chunkOf(batch, one));
  expect(encode).toHaveBeenCalledTimes(1);
  expect(chunkOf(batch, other).text).toBe('other');
  expect(chunkOf(batch, one).text).toContain('data: {"type":"chunk"');
});
