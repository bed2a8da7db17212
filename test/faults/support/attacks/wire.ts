import { connect, type Socket } from 'node:net';

const STATUS = /HTTP\/1\.1 (\d{3})/g;

/** A connection on which any bytes may be sent. */
export class Wire {
  private constructor(private readonly socket: Socket) {}

  /** Rejects if it is not let in. `onText`: what is to be done with all that comes back; null reads nothing of it. */
  static open(
    url: string,
    from: string,
    onStatus: (status: string) => void,
    onText: ((text: string) => void) | null = () => undefined,
  ): Promise<Wire> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), localAddress: from, noDelay: true });
    if (onText)
      socket.on('data', (bytes) => {
        const text = bytes.toString('latin1');
        for (const [, status] of text.matchAll(STATUS)) onStatus(status);
        onText(text);
      });
    return new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.once('connect', () => resolve(new Wire(socket)));
    });
  }

  get closed(): boolean {
    return !this.socket.writable;
  }

  /** Waits until it is taken, or the connection is over. */
  async send(bytes: string | Buffer): Promise<void> {
    if (this.closed || this.socket.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const settle = () => {
        this.socket.off('drain', settle).off('close', settle);
        resolve();
      };
      this.socket.on('drain', settle).on('close', settle);
    });
  }

  close(): void {
    this.socket.destroy();
  }
}

/** A request as text. */
export function requestText(method: string, path: string, headers: Record<string, string> = {}): string {
  const target = path.startsWith('/health') ? path : `/api/v1${path}`;
  const lines = Object.entries({ Host: 'localhost', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
}
