import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A balancer that knows nothing of health: connections go to one port after the other, past those that are closed. */
export class Balancer {
  private readonly sockets = new Set<Socket>();
  private next = 0;

  private constructor(
    private readonly ports: number[],
    private readonly server: Server,
  ) {
    server.on('connection', (client: Socket) => void this.join(client));
  }

  static async start(ports: number[]): Promise<Balancer> {
    // No byte is read before there is somebody to give it to.
    const balancer = new Balancer(ports, createServer({ pauseOnConnect: true }));
    balancer.server.listen(0, '127.0.0.1');
    await once(balancer.server, 'listening');
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private async join(client: Socket): Promise<void> {
    this.keep(client);
    for (let tries = 0; tries < this.ports.length; tries++) {
      const target = await this.reach(this.ports[this.next++ % this.ports.length]);
      if (!target) continue;
      this.keep(target);
      client.on('close', () => target.destroy());
      target.on('close', () => client.destroy());
      client.pipe(target);
      target.pipe(client);
      return;
    }
    client.destroy();
  }

  private async reach(port: number): Promise<Socket | undefined> {
    const socket = connect(port, '127.0.0.1');
    return once(socket, 'connect').then(
      () => socket,
      () => undefined,
    );
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
  }
}
