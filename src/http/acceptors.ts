import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, createServer, type ListenOptions, type Server as Acceptor } from 'node:net';
import { HTTP_BOUNDS } from '../config/bounds';

/** What starts an HTTP server: Nest hands on what it is given, so that it can be Node's `ListenOptions`. */
export interface Listening {
  listen(options: ListenOptions): Promise<unknown>;
  getHttpServer(): Server;
}

/**
 * Listens with several sockets for one port, where the system can (`SO_REUSEPORT`: Linux, FreeBSD), else with one. libuv accepts one connection
 * of a socket in each turn of the event loop (since 1.45): a thousand that come at once would wait for a thousand turns, and a health check
 * behind them.
 * @throws what `listen` throws, such as `EADDRINUSE`
 */
export async function listenWithAcceptors(app: Listening, port: number, host: string): Promise<void> {
  const options: ListenOptions = { port, host, backlog: HTTP_BOUNDS.connectionsPending.limit };
  if (!(await canShare(options))) return void (await app.listen(options));
  await app.listen({ ...options, reusePort: true });
  const server = app.getHttpServer();
  const { port: chosen } = server.address() as AddressInfo;
  await addAcceptors(server, { ...options, port: chosen });
}

/**
 * Gives a server that listens with `reusePort` further sockets for the same port, as far as the system lets it. They are closed with it.
 */
export async function addAcceptors(server: Server, options: ListenOptions): Promise<void> {
  const added = await Promise.allSettled(
    Array.from({ length: HTTP_BOUNDS.acceptors.limit - 1 }, () => acceptorFor(server, options)),
  );
  const acceptors = added.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const close = server.close.bind(server);
  server.close = (done) => {
    let open = acceptors.length + 1;
    const oneClosed = (error?: Error): void => {
      open -= 1;
      if (open === 0) done?.(error);
    };
    for (const acceptor of acceptors) acceptor.close(() => oneClosed());
    return close(oneClosed);
  };
}

async function acceptorFor(server: Server, options: ListenOptions): Promise<Acceptor> {
  // The options of sockets that Node's HTTP servers have.
  const acceptor = createServer({ allowHalfOpen: true, noDelay: true });
  acceptor.on('connection', (socket) => server.emit('connection', socket));
  acceptor.listen({ ...options, reusePort: true });
  await once(acceptor, 'listening');
  return acceptor;
}

/** Whether several sockets may share the port, of which nobody else has one: with `reusePort` others of the same user would be let share it. */
async function canShare(options: ListenOptions): Promise<boolean> {
  return (await canListen(options)) && (await canListen({ ...options, port: 0, reusePort: true }));
}

async function canListen(options: ListenOptions): Promise<boolean> {
  const probe = createServer().listen(options);
  try {
    await once(probe, 'listening');
    probe.close();
    await once(probe, 'close');
    return true;
  } catch {
    return false;
  }
}
