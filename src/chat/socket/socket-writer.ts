import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { waitForDrain } from '../../streaming/wait-for-drain';

/** Sends frames as fast as the client drains them, and terminates a client that drains nothing. */
export class SocketWriter {
  private waiting: Promise<void> | undefined;

  constructor(
    private readonly socket: WebSocket,
    /** The connection that carries the socket. */
    private readonly connection: Duplex,
    private readonly stalledMs?: number,
  ) {}

  get open(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /**
   * Settles when the frames are written, or never will be. Seldom more than the frames of one call are in memory: several waiting calls check
   * one after the other whether there is room again.
   * @param signal discards the frames while they wait
   */
  async write(frames: readonly string[], signal?: AbortSignal): Promise<void> {
    while (this.open && this.connection.writableNeedDrain) await this.drained();
    if (!this.open || signal?.aborted) return;
    this.connection.cork();
    for (const frame of frames) this.socket.send(frame, ignoreFailure);
    this.connection.uncork();
  }

  private drained(): Promise<void> {
    this.waiting ??= waitForDrain(this.connection, this.stalledMs)
      .catch(() => this.socket.terminate())
      .finally(() => (this.waiting = undefined));
    return this.waiting;
  }
}

/** Failures are ignored: a socket that breaks is closed, which its `close` event reports. */
function ignoreFailure(): void {}
