import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { HTTP_BOUNDS } from '../config/bounds';
import { limitServer } from './server-limits';

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
  await vi.waitFor(async () => expect((await open()).answered).toBe(true));
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
