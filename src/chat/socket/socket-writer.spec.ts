import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { type SocketPair, socketPair } from '../../../test/support/socket-pair';
import { SocketWriter } from './socket-writer';

const BLOCK = 'x'.repeat(128 * 1024);
let pair: SocketPair;
let client: WebSocket;
let socket: WebSocket;
let connection: Socket;

beforeEach(async () => {
  pair = await socketPair();
  ({ client, socket, connection } = pair);
});
afterEach(() => pair.close());

describe('SocketWriter', () => {
  it('keeps little for a client that does not read, however many write, and goes on when it does', async () => {
    const writer = new SocketWriter(socket, connection);
    client.pause();
    let written = 0;
    const write = async () => {
      for (let i = 0; i < 10; i++, written++) await writer.write([BLOCK, BLOCK]);
    };
    const writers = Promise.all(Array.from({ length: 20 }, write));
    await sleep(300);
    expect(written).toBeLessThan(150);
    expect(socket.bufferedAmount).toBeLessThan(4 * BLOCK.length);
    const received: unknown[] = [];
    client.on('message', (message) => received.push(message));
    client.resume();
    await writers;
    expect(written).toBe(200);
    while (received.length < 400) await once(client, 'message');
  });

  it('sends nothing more of a reading that was ended while it waited', async () => {
    const writer = new SocketWriter(socket, connection);
    client.pause();
    while (!connection.writableNeedDrain) await writer.write([BLOCK]);
    const ending = new AbortController();
    const waiting = writer.write(['late'], ending.signal);
    ending.abort();
    const messages: string[] = [];
    client.on('message', (data: Buffer) => messages.push(data.toString()));
    client.resume();
    await waiting;
    await writer.write(['last']);
    while (messages.at(-1) !== 'last') await once(client, 'message');
    expect(messages).not.toContain('late');
  });

  it('lets go of a client that takes nothing for too long', async () => {
    const writer = new SocketWriter(socket, connection, 100);
    client.pause();
    const closed = once(socket, 'close');
    while (writer.open) await writer.write([BLOCK]);
    expect((await closed)[0]).toBe(1006);
    await expect(writer.write(['late'])).resolves.toBeUndefined();
  });

  it('does nothing once the socket is closed', async () => {
    const writer = new SocketWriter(socket, connection);
    client.close();
    await once(socket, 'close');
    await expect(writer.write(['late'])).resolves.toBeUndefined();
  });
});
