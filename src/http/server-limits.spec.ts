import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { HTTP_BOUNDS } from '../config/bounds';
import { limitServer } from './server-limits';

/** For what comes at once where the machine has nothing else to do. */
const WAIT_MS = 20_000;

it('takes no more connections than the bound', async () => {
  vi.spyOn<{ limit: number }, 'limit'>(HTTP_BOUNDS.connections, 'limit', 'get').mockReturnValue(2);
  const server = createServer((_request, response) => response.end('here'));
  limitServer(server);
  vi.restoreAllMocks();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const open = async () => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    await once(socket, 'connect');
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const answered = await Promise.race([
      once(socket, 'data').then(() => true),
      once(socket, 'close').then(() => false),
    ]);
    return { socket, answered };
  };
  const first = await open();
  const second = await open();
  expect([first.answered, second.answered, (await open()).answered]).toEqual([true, true, false]);
  const freed = once(first.socket, 'close');
  first.socket.destroy();
  await freed;
  await vi.waitFor(async () => expect((await open()).answered).toBe(true), WAIT_MS);
  server.closeAllConnections();
  server.close();
});

describe('a client that takes nothing', () => {
  const STALLED_MS = 400;
  const LARGE = Buffer.alloc(64 * 1024 ** 2);
  let server: Server;
  let port: number;

  beforeEach(async () => {
    vi.spyOn<{ limit: number }, 'limit'>(HTTP_BOUNDS.stalledReader, 'limit', 'get').mockReturnValue(
      STALLED_MS,
    );
    server = createServer((request, response) => {
      if (request.url === '/late') setTimeout(() => response.end('late'), 4 * STALLED_MS);
      else response.end(LARGE);
    });
    limitServer(server);
    vi.restoreAllMocks();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const ask = (path: string): Socket => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    return socket;
  };

  it('is let go of', async () => {
    const closed = new Promise((resolve) =>
      server.once('connection', (socket) => socket.once('close', resolve)),
    );
    const socket = ask('/large');
    socket.pause();
    await closed;
    socket.destroy();
  });

  it('is not confused with one that takes its time, nor with one that waits for its answer', async () => {
    const slow = ask('/large');
    let received = 0;
    slow.on('data', (data: Buffer) => {
      received += data.length;
      slow.pause();
      setTimeout(() => slow.resume(), 1);
    });
    const waiting = ask('/late');
    const [answer] = (await once(waiting, 'data')) as [Buffer];
    expect(answer.toString()).toContain('late');
    await vi.waitFor(() => expect(received).toBeGreaterThan(LARGE.length), 50_000);
    waiting.destroy();
    slow.destroy();
  });
});

it('lets go of those who hold most, where all answers that nobody takes are too much together', async () => {
  vi.spyOn<{ limit: number }, 'limit'>(HTTP_BOUNDS.untakenAnswers, 'limit', 'get').mockReturnValue(
    56 * 1024 ** 2,
  );
  const large = Buffer.alloc(32 * 1024 ** 2);
  const small = Buffer.alloc(16 * 1024 ** 2);
  const server = createServer((request, response) => response.end(request.url === '/large' ? large : small));
  limitServer(server);
  vi.restoreAllMocks();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const ask = (path: string): Promise<Socket> => {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
    client.pause().write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    return once(server, 'connection').then(([socket]) => socket as Socket);
  };
  const one = await ask('/small');
  const other = await ask('/large');
  await vi.waitFor(() => expect(other.writableLength).toBeGreaterThan(small.length), WAIT_MS);
  await vi.waitFor(() => expect(one.writableLength).toBeGreaterThan(0), WAIT_MS);
  // Together they are below it, for two looks.
  await sleep(1_200);
  expect([one.closed, other.closed]).toEqual([false, false]);
  await ask('/small');
  await vi.waitFor(() => expect(other.closed).toBe(true), WAIT_MS);
  expect(one.closed).toBe(false);
  server.closeAllConnections();
  server.close();
});
