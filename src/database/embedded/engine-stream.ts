import { Duplex } from 'node:stream';
import { MessageBatcher } from './frontend-messages';

/** One client's turn at the engine. */
export interface EngineSession {
  execute(messages: Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined>;
  /** Gives the engine to the next client, cleaned. May be called more than once. */
  close(): void;
}

/** Waits for a turn. `onLost` is called when the engine goes away during it. */
export type OpenSession = (signal: AbortSignal, onLost: (reason: Error) => void) => Promise<EngineSession>;

/**
 * What `pg` takes for its socket (`stream` in a client's configuration), with the engine's thread at the other end.
 * There is no port and no socket file, so nobody else on the machine can connect.
 */
export class EngineStream extends Duplex {
  private readonly batcher = new MessageBatcher();
  private readonly abandoned = new AbortController();
  private session?: EngineSession;

  constructor(private readonly open: OpenSession) {
    // pg hands over buffers that it does not reuse.
    super({ decodeStrings: false });
  }

  /** The arguments, port and host, mean nothing here. */
  connect(): this {
    void this.begin();
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {
    // Answers are pushed as they come.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    void this.forward(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error) => void): void {
    void this.forward(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: () => void): void {
    done();
    this.destroy();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.abandoned.abort();
    this.session?.close();
    done(error);
  }

  private async begin(): Promise<void> {
    try {
      const session = await this.open(this.abandoned.signal, (reason) => this.destroy(reason));
      this.session = session;
      if (this.destroyed) session.close();
      else this.emit('connect');
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  private async forward(bytes: Buffer, done: (error?: Error) => void): Promise<void> {
    try {
      const { complete, terminated } = this.batcher.push(bytes);
      for (const messages of complete) await this.exchange(messages);
      if (terminated) this.session?.close();
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  private async exchange(messages: Uint8Array<ArrayBuffer>): Promise<void> {
    const answer = await this.session?.execute(messages);
    if (!answer || answer.length === 0 || this.destroyed) return;
    this.push(Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength));
  }
}
