import type { Dispatcher } from 'undici';
import { PROVIDER_BOUNDS } from '../../config/bounds';
import { GrowingBuffer } from './growing-buffer';

/** What a piece of the network counts as at least, in bytes: each takes about as long as it takes to read so many. */
const PIECE_BYTES = 64;
/** As many pieces may wait as they came, and of as many network reads: each piece keeps the whole read that it was cut from. */
const MOST_PIECES = 1024;
const MOST_READS = 8;
/** Of the first bytes. */
const MOST_LOOKED_AT = 256;
const DONE = Promise.resolve();

/** Who takes a response's bytes. Neither method may throw. */
export interface BodySink {
  /**
   * All that has arrived since, as one piece. Nothing more comes before what this answers has settled.
   * @param cost in bytes, more than there are if the network brought them in small pieces
   */
  take(bytes: Buffer, cost: number): Promise<void> | undefined;
  /** Nothing more comes. `broken`: why the body is not whole, undefined if it is. */
  end(broken: unknown): void;
}

/** Where the bytes come from. */
export type FlowControl = Pick<Dispatcher.DispatchController, 'paused' | 'pause' | 'resume' | 'abort'>;

/**
 * A response's bytes as the network brings them, without the streams that Node would put in between. They are handed on rather
 * than asked for: one turn of the microtask queue for all that one read of the connection brings, and none for each event.
 */
export class ResponseBody {
  /** What waits: first what was joined, then pieces. */
  private readonly joined = new GrowingBuffer();
  private pieces: Buffer[] = [];
  /** How many network reads the pieces were cut from, and the last of them. */
  private reads = 0;
  private lastRead: ArrayBufferLike | undefined;
  private size = 0;
  private cost = 0;
  private ended = false;
  private broken: unknown;
  private sink: BodySink | undefined;
  private watcher: (() => void) | undefined;
  /** A turn is due, or the sink is not done with the last piece. */
  private busy = false;

  constructor(private controller: FlowControl) {}

  /**
   * Looks at the first bytes as they arrive, and takes nothing of them. To be called before `pipe`.
   * @param decide what it sees in these, `MOST_LOOKED_AT` at most; undefined if it must see more
   * @returns undefined if it had not decided when there were no more
   */
  look<Seen>(decide: (first: Buffer) => Seen | undefined): Promise<Seen | undefined> {
    return new Promise((resolve) => {
      this.watcher = () => {
        const first = Buffer.concat(this.pieces).subarray(0, MOST_LOOKED_AT);
        const seen = decide(first);
        if (seen === undefined && first.length < MOST_LOOKED_AT && !this.ended) return;
        this.watcher = undefined;
        resolve(seen);
      };
      this.watcher();
    });
  }

  /** The bytes come from here from now on. To be called before the first. */
  controlBy(controller: FlowControl): void {
    this.controller = controller;
  }

  /** Hands all of it to a sink, from now on. To be called once. */
  pipe(sink: BodySink): void {
    this.sink = sink;
    this.wake();
  }

  /** Closes the connection, unless the response has ended, and drops what nobody has taken. */
  cancel(): void {
    this.drop();
    if (!this.ended) this.controller.abort(new Error('The response is not wanted any more.'));
    this.end();
  }

  push(chunk: Buffer): void {
    if (this.ended) return;
    if (chunk.buffer !== this.lastRead) {
      this.lastRead = chunk.buffer;
      this.reads++;
    }
    const count = this.pieces.push(chunk);
    // Who looks at the first bytes needs them as pieces, and is done after few of them.
    if (!this.watcher && (count >= MOST_PIECES || this.reads >= MOST_READS)) this.join();
    this.size += chunk.length;
    this.cost += Math.max(chunk.length, PIECE_BYTES);
    if (this.size > PROVIDER_BOUNDS.waitingBytes.limit) this.controller.pause();
    this.watcher?.();
    this.wake();
  }

  end(error?: unknown): void {
    if (this.ended) return;
    this.ended = true;
    this.broken = error;
    this.watcher?.();
    this.wake();
  }

  private wake(): void {
    if (this.busy || !this.sink) return;
    this.busy = true;
    void DONE.then(this.handOn);
  }

  private readonly handOn = (): void => {
    // Going on may bring more at once, the end of the response included: none of it may be left behind.
    while (this.size) {
      const taken = this.handOver();
      if (!taken) continue;
      void taken.then(this.handOn);
      return;
    }
    this.busy = false;
    if (!this.ended) return;
    const { sink } = this;
    this.sink = undefined;
    sink?.end(this.broken);
  };

  private handOver(): Promise<void> | undefined {
    const { cost } = this;
    const bytes = this.all();
    this.drop();
    if (this.controller.paused) this.controller.resume();
    return this.sink?.take(bytes, cost);
  }

  private all(): Buffer {
    if (this.joined.length) {
      this.join();
      return this.joined.take();
    }
    return this.pieces.length === 1 ? this.pieces[0] : Buffer.concat(this.pieces);
  }

  private join(): void {
    for (const piece of this.pieces) this.joined.append(piece);
    this.forgetPieces();
  }

  private forgetPieces(): void {
    this.pieces = [];
    this.reads = 0;
    this.lastRead = undefined;
  }

  private drop(): void {
    if (this.joined.length) this.joined.take();
    this.forgetPieces();
    this.size = 0;
    this.cost = 0;
  }
}
