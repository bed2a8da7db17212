import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * What happens to connections. `half-open`: they are accepted, and nothing comes through in either direction; `drip`: a byte at a
 * time; `cut`: reset once so many bytes have come back from the target; `refuse`: the port is closed.
 */
export type Fault =
  | { kind: 'none' }
  | { kind: 'delay'; ms: number }
  | { kind: 'cut'; afterBytes: number }
  | { kind: 'half-open' }
  | { kind: 'drip'; everyMs: number }
  | { kind: 'refuse' };

const NONE: Fault = { kind: 'none' };

/** A TCP proxy that breaks what goes through it, and can be switched while it runs. */
export class FaultProxy {
  private fault: Fault = NONE;
  private readonly pairs = new Set<Pair>();
  private server: Server | undefined;

  private constructor(
    private readonly target: { host: string; port: number },
    private listening = 0,
  ) {}

  static async start(target: { host: string; port: number }): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await proxy.listen();
    return proxy;
  }

  get port(): number {
    return this.listening;
  }

  /** Also for connections that are open, which `refuse` ends. */
  async inject(fault: Fault): Promise<void> {
    this.fault = fault;
    if (fault.kind !== 'refuse') return;
    await this.stop();
  }

  /** Connections that were broken stay broken, as they do in life; held back bytes come through. */
  async heal(): Promise<void> {
    this.fault = NONE;
    for (const pair of this.pairs) pair.flush();
    if (!this.server?.listening) await this.listen();
  }

  async stop(): Promise<void> {
    for (const pair of this.pairs) pair.reset();
    if (!this.server?.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }

  private async listen(): Promise<void> {
    this.server = createServer((client) => this.join(client)).listen(this.listening, '127.0.0.1');
    await once(this.server, 'listening');
    this.listening = (this.server.address() as AddressInfo).port;
  }

  private join(client: Socket): void {
    const pair = new Pair(client, createConnection(this.target), () => this.fault);
    this.pairs.add(pair);
    client.once('close', () => this.pairs.delete(pair));
  }
}

/** One connection through the proxy. */
class Pair {
  private readonly ways: Way[];
  private returned = 0;

  constructor(
    private readonly client: Socket,
    private readonly upstream: Socket,
    private readonly fault: () => Fault,
  ) {
    this.ways = [
      new Way(client, upstream, fault),
      new Way(upstream, client, fault, (bytes) => this.count(bytes)),
    ];
  }

  flush(): void {
    for (const way of this.ways) way.pump();
  }

  reset(): void {
    for (const socket of [this.client, this.upstream]) if (!socket.destroyed) socket.resetAndDestroy();
  }

  private count(bytes: number): void {
    this.returned += bytes;
    const fault = this.fault();
    if (fault.kind === 'cut' && this.returned >= fault.afterBytes) this.reset();
  }
}

/** One direction: what was read and is not written yet. */
class Way {
  private readonly waiting: Buffer[] = [];
  private pumping = false;
  private over = false;

  constructor(
    from: Socket,
    private readonly to: Socket,
    private readonly fault: () => Fault,
    private readonly onBytes: (bytes: number) => void = () => undefined,
  ) {
    from.setNoDelay(true);
    from.on('error', () => to.destroy());
    from.on('data', (bytes) => {
      this.waiting.push(bytes);
      this.pump();
    });
    from.on('close', () => {
      this.over = true;
      this.pump();
    });
  }

  pump(): void {
    if (!this.pumping) void this.write();
  }

  private async write(): Promise<void> {
    this.pumping = true;
    for (let bytes = this.next(); bytes; bytes = this.next()) {
      const fault = this.fault();
      if (fault.kind === 'delay') await pause(fault.ms);
      if (fault.kind === 'drip') await pause(fault.everyMs);
      if (!this.to.destroyed) this.to.write(bytes);
      this.onBytes(bytes.length);
    }
    this.pumping = false;
    // An end is held back like everything else.
    if (this.over && this.waiting.length === 0) this.to.destroy();
  }

  private next(): Buffer | undefined {
    const fault = this.fault();
    if (fault.kind === 'half-open') return undefined;
    const first = this.waiting.shift();
    if (fault.kind !== 'drip' || !first || first.length === 1) return first;
    this.waiting.unshift(first.subarray(1));
    return first.subarray(0, 1);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
