import type { WebSocket } from 'ws';
import { OPEN_ANSWER_BOUNDS } from '../../config/bounds';
import { TokenBucket } from './token-bucket';

/**
 * Unanswered pings after which a client counts as gone. More than one, since a ping waits behind the events that a slow client has yet to
 * drain; with 15 s between them, 45 s at most.
 */
const MAX_UNANSWERED = OPEN_ANSWER_BOUNDS.unansweredPings.limit;
const { frames, framesPerMinute } = OPEN_ANSWER_BOUNDS;

/** Disconnects a client that is gone without closing, or that sends too many pings and pongs. Called by `SocketRegistry`. */
export class Heartbeat {
  private readonly controls = new TokenBucket(frames.limit, framesPerMinute.limit / 60);
  private unanswered = 0;

  constructor(private readonly socket: WebSocket) {
    socket.on('ping', () => this.count());
    socket.on('pong', () => {
      this.unanswered = 0;
      this.count();
    });
  }

  /** Sends a ping, or terminates the socket if too many are unanswered. To be called periodically. */
  tick(): void {
    if (this.unanswered >= MAX_UNANSWERED) return this.socket.terminate();
    this.unanswered += 1;
    if (this.socket.readyState === this.socket.OPEN) this.socket.ping(ignoreFailure);
  }

  private count(): void {
    if (!this.controls.take()) this.socket.close(1008, 'too many pings');
  }
}

function ignoreFailure(): void {}
