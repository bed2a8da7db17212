import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A connection on which a test says exactly what it wants, and when. */
export class RawConnection {
  text = '';
  closed = false;
  error?: string;
  private readonly end: Promise<void>;

  private constructor(readonly socket: Socket) {
    socket.on('data', (bytes) => (this.text += bytes.toString('latin1')));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => (this.error = code));
    this.end = new Promise((resolve) => {
      socket.on('close', () => {
        this.closed = true;
        resolve();
      });
    });
  }

  static open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ port: Number(port), host: hostname, noDelay: true });
    const connection = new RawConnection(socket);
    return new Promise((resolve, reject) => {
      socket.once('connect', () => resolve(connection)).once('error', reject);
    });
  }

  /** Ends when the system has taken the bytes, or the connection has ended. */
  async write(bytes: string | Buffer): Promise<void> {
    if (this.closed || !this.socket.writable) return;
    await Promise.race([new Promise((resolve) => this.socket.write(bytes, resolve)), this.end]);
  }

  /** The statuses of all answers so far, but for those that only say to go on. */
  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3}) /g)]
      .map(([, status]) => Number(status))
      .filter((status) => status !== 100);
  }

  /** The codes of all problems so far. */
  get codes(): string[] {
    return [...this.text.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code);
  }

  /** Whether it was so within the time; a closed connection says no more. */
  async sees(condition: () => boolean, withinMs = 15_000): Promise<boolean> {
    for (const end = Date.now() + withinMs; Date.now() < end && !this.closed && !condition();)
      await sleep(10);
    return condition();
  }

  /** The status of the first answer; undefined if none comes. */
  async status(withinMs?: number): Promise<number | undefined> {
    await this.sees(() => this.statuses.length > 0, withinMs);
    return this.statuses[0];
  }

  close(): void {
    this.socket.destroy();
  }
}
