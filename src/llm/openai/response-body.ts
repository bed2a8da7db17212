import type { Dispatcher } from 'undici';

/** What a slow reader of ours may make us hold before the provider has to wait. */
const MAX_WAITING_BYTES = 256 * 1024;
const DONE = Promise.resolve();

/** Who takes a response's bytes. Neither method may throw. */
export interface BodySink {
  /** All that has arrived since, as one piece. Nothing more comes before what this answers has settled. */
  take(bytes: Buffer): Promise<void> | undefined;
  /** Nothing more comes. `broken`: why the body is not whole, undefined if it is. */
  end(broken: unknown): void;
}

/**
 * A response's bytes as the network brings them, without the streams that Node would put in between. They are handed on rather
 * than asked for: one turn of the microtask queue for all that one read of the connection brings, and none for each event.
 */
export class ResponseBody {
  private waiting: Buffer[] = [];
  private size = 0;
  private ended = false;
  private broken: unknown;
  private sink: BodySink | undefined;
  /** A turn is due, or the sink is not done with the last piece. */
  private busy = false;

  constructor(private readonly controller: Dispatcher.DispatchController) {}

  /** Hands all of it to a sink, from now on. To be called once. */
  pipe(sink: BodySink): void {
    this.sink = sink;
    this.wake();
  }

  /** Closes the connection, unless the response has ended, and drops what nobody has taken. */
  cancel(): void {
    this.waiting = [];
    if (!this.ended) this.controller.abort(new Error('The response is not wanted any more.'));
    this.end();
  }

  push(chunk: Buffer): void {
    this.waiting.push(chunk);
    this.size += chunk.length;
    if (this.size > MAX_WAITING_BYTES) this.controller.pause();
    this.wake();
  }

  end(error?: unknown): void {
    if (this.ended) return;
    this.ended = true;
    this.broken = error;
    this.wake();
  }

  private wake(): void {
    if (this.busy || !this.sink) return;
    this.busy = true;
    void DONE.then(this.handOn);
  }

  private readonly handOn = (): void => {
    const taken = this.waiting.length ? this.sink?.take(this.take()) : undefined;
    if (taken) {
      void taken.then(this.handOn);
      return;
    }
    this.busy = false;
    if (!this.ended) return;
    const { sink } = this;
    this.sink = undefined;
    sink?.end(this.broken);
  };

  private take(): Buffer {
    const { waiting } = this;
    this.waiting = [];
    this.size = 0;
    if (this.controller.paused) this.controller.resume();
    return waiting.length === 1 ? waiting[0] : Buffer.concat(waiting);
  }
}
