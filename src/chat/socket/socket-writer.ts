import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { waitForDrain } from '../../streaming/wait-for-drain';

/** Sends frames as fast as the client takes them, and lets go of a client that takes nothing. */
export class SocketWriter {
  private waiting: Promise<void> | undefined;

  constructor(
    private readonly socket: WebSocket,
    /** What the socket runs on. */
    private readonly connection: Duplex,
    private readonly stalledMs?: number,
  ) {}

  get open(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /**
   * Settles once the frames are on their way, or will never be. There are seldom more of them in memory than were written at
   * a time: several waiters see one after the other whether there is room again.
   * @param signal takes the frames back while they wait
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

/** A socket that breaks is closed, and that is told by its `close` event. */
function ignoreFailure(): void {}
