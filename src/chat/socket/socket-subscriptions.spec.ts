import { once } from 'node:events';
import { type SocketPair, socketPair } from '../../../test/support/socket-pair';
import { logFrom } from '../../../test/support/log-from';
import { logged, type LoggedEvent } from '../../replies/events/event-codec';
import type { LogReader } from '../../replies/log/reply-log';
import { replyErrorEvent } from '../../streaming/with-error-event';
import { eventFrame } from './server-frames';
import { asFrames, SocketSubscriptions, type SubscriptionRequest } from './socket-subscriptions';
import { SocketWriter } from './socket-writer';

const chunk = (sequence: number, content: string): LoggedEvent =>
  logged('reply', sequence, { type: 'chunk', data: { content } });

let pair: SocketPair;
let readings: SocketSubscriptions;
let messages: string[];

beforeEach(async () => {
  pair = await socketPair();
  readings = new SocketSubscriptions(new SocketWriter(pair.socket, pair.connection), {
    assertRoom: () => undefined,
    count: () => () => undefined,
  });
  messages = [];
  pair.client.on('message', (data: Buffer) => messages.push(data.toString()));
});
afterEach(() => pair.close());

const fail = (error: unknown) => {
  throw error;
};

const framesOf = (log: LogReader, requestId?: string) =>
  asFrames(log, replyErrorEvent, (event) => eventFrame(event, requestId));

async function read(
  log: LogReader,
  { requestId, ...more }: Partial<SubscriptionRequest> & { requestId?: string } = {},
): Promise<void> {
  readings.begin({ key: 'reply', frames: framesOf(log, requestId), onFailure: fail, ...more });
  await readings.finished();
  pair.socket.ping();
  await once(pair.client, 'ping');
}

describe('SocketSubscriptions', () => {
  it('sends one frame for an event, and tells of the end', async () => {
    let ends = 0;
    const log = logFrom(async function* () {
      yield [chunk(1, 'a'), chunk(2, 'b')];
    });
    await read(log, { requestId: 'r', onEnd: () => (ends += 1) });
    expect(messages).toEqual([
      '{"id":"reply:1","request_id":"r","type":"chunk","data":{"content":"a"}}',
      '{"id":"reply:2","request_id":"r","type":"chunk","data":{"content":"b"}}',
    ]);
    expect(ends).toBe(1);
  });

  it("tells of a log that cannot be read on by the contract's error event, from which the client can go on", async () => {
    await read(
      logFrom(async function* () {
        yield [chunk(1, 'a')];
        throw new Error('secret');
      }),
    );
    expect(messages[1]).toMatch(/^\{"id":"reply:1","type":"error","data":\{"code":"storage_unavailable"/);
    expect(messages.join()).not.toContain('secret');
  });

  it('hands on why a log cannot be read at all', async () => {
    const failures: unknown[] = [];
    const log = logFrom(async function* () {
      yield await Promise.reject(new Error('why'));
    });
    await read(log, { onFailure: (error) => failures.push(error) });
    expect(failures).toEqual([new Error('why')]);
    expect(messages).toEqual([]);
  });

  it('lets go of a log that has ended, was ended, or was replaced', async () => {
    const signals: AbortSignal[] = [];
    const ended = logFrom(async function* (signal) {
      signals.push(signal);
      yield [chunk(1, 'a')];
    });
    const open = logFrom(async function* (signal) {
      signals.push(signal);
      yield [];
      if (!signal.aborted) await once(signal, 'abort');
    });
    await read(ended);
    expect(signals[0].aborted).toBe(true);
    for (const _ of [1, 2]) readings.begin({ key: 'reply', frames: framesOf(open), onFailure: fail });
    await new Promise(setImmediate);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false]);
    readings.endAll();
    await readings.finished();
    expect(signals[2].aborted).toBe(true);
  });
});
