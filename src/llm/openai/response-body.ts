import type { Dispatcher } from 'undici';

/** What a slow reader of ours may make us hold before the provider has to wait. */
const MAX_WAITING_BYTES = 256 * 1024;

/** A response's bytes as the network brings them, without the streams that Node would put in between. One reader. */
export class ResponseBody {
  private waiting: Uint8Array[] = [];
  private size = 0;
  private ended = false;
  private wake: (() => void) | undefined;
  /** Why the body is not whole, if it has ended and is not. */
  broken: unknown;

  constructor(private readonly controller: Dispatcher.DispatchController) {}

  /** All that has arrived since, as one piece; undefined at the end, whole or not (`broken`). Never rejects. */
  async next(): Promise<Uint8Array | undefined> {
    while (!this.waiting.length && !this.ended) await new Promise<void>((resolve) => (this.wake = resolve));
    return this.waiting.length ? this.take() : undefined;
  }

  /** Closes the connection, unless the response has ended. */
  cancel(): void {
    if (!this.ended) this.controller.abort(new Error('The response is not wanted any more.'));
    this.end();
  }

  push(chunk: Uint8Array): void {
    this.waiting.push(chunk);
    this.size += chunk.length;
    if (this.size > MAX_WAITING_BYTES) this.controller.pause();
    this.wake?.();
  }

  end(error?: unknown): void {
    if (this.ended) return;
    this.ended = true;
    this.broken = error;
    this.wake?.();
  }

  private take(): Uint8Array {
    const { waiting } = this;
    this.waiting = [];
    this.size = 0;
    if (this.controller.paused) this.controller.resume();
    return waiting.length === 1 ? waiting[0] : Buffer.concat(waiting);
  }
}
