import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
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
