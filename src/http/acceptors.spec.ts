import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { addAcceptors, listenWithAcceptors } from './acceptors';

const HOST = '127.0.0.1';
/** Elsewhere there is one socket, and nothing to be seen of this. */
const describeOnLinux = process.platform === 'linux' ? describe : describe.skip;

const listening = (server: Server) => ({
  listen: async (options: object) => {
    server.listen(options);
    await once(server, 'listening');
  },
  getHttpServer: () => server,
});
const portOf = (server: Server) => (server.address() as AddressInfo).port;

async function burst(port: number, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(port, HOST));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  return sockets;
}

describeOnLinux('a port with several sockets', () => {
  let server: Server;
  let port: number;
  beforeEach(async () => {
    server = createServer((incoming, response) => {
      if (incoming.url !== '/open') response.end('here');
      else response.write('begun');
    });
    await listenWithAcceptors(listening(server), 0, HOST);
    port = portOf(server);
  });
  afterEach(() => {
    server.closeAllConnections();
    if (server.listening) server.close();
  });

  it('answers on each of them', async () => {
    const sockets = await burst(port, 200);
    const answers = sockets.map(async (socket) => {
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
      return String(await once(socket, 'data')).split('\r\n')[0];
    });
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['HTTP/1.1 200 OK']));
    sockets.forEach((socket) => socket.destroy());
  });

  it('takes a burst of connections in fewer turns of the event loop than there are connections', async () => {
    let turns = 0;
    let accepted = 0;
    const count = () => {
      turns += 1;
      if (accepted < 400) setImmediate(count);
    };
    server.on('connection', () => {
      accepted += 1;
      if (accepted === 1) setImmediate(count);
    });
    const sockets = await burst(port, 400);
    await vi.waitFor(() => expect(accepted).toBe(400), 20_000);
    expect(turns).toBeLessThan(200);
    sockets.forEach((socket) => socket.destroy());
  });

  it('is closed when all of them are, and each of their requests has been answered', async () => {
    const open = Array.from({ length: 40 }, () => request({ port, host: HOST, path: '/open' }).end());
    const responses = await Promise.all(open.map(async (client) => once(client, 'response')));
    let isClosed = false;
    const closed = new Promise<void>((resolve) => {
      server.close(() => {
        isClosed = true;
        resolve();
      });
    });
    await expect(burst(port, 1)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    for (const client of open.slice(1)) client.destroy();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(isClosed).toBe(false);
    open[0].destroy();
    await closed;
    expect(responses).toHaveLength(40);
  });

  it('is nobody else’s: a second service is told that it is taken', async () => {
    const second = createServer();
    const failed = once(second, 'error');
    void listenWithAcceptors(listening(second), port, HOST).catch(() => undefined);
    expect((await failed)[0]).toMatchObject({ code: 'EADDRINUSE' });
  });

  it('has one where no more can be added', async () => {
    const alone = createServer((_incoming, response) => response.end('here')).listen(0, HOST);
    await once(alone, 'listening');
    await addAcceptors(alone, { port: portOf(alone), host: HOST });
    expect(await (await fetch(`http://${HOST}:${portOf(alone)}`)).text()).toBe('here');
    alone.closeAllConnections();
    await new Promise((resolve) => alone.close(resolve));
  });
});
