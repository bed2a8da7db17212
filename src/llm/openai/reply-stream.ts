import type { ModelPart } from '../llm-client';
import { LlmError } from '../llm-error';

/** Where a reply's parts come from. */
export interface PartReader {
  /**
   * Waits for more and adds it to `parts`, also when it throws.
   * @returns whether the reply is complete
   * @throws {LlmError}
   */
  read(parts: ModelPart[]): Promise<boolean>;
  close(): void;
}

/**
 * A reply as batches of parts, asked for when the first one is wanted. Written out, because each of the generators that it would
 * take costs every token several turns of the microtask queue.
 */
export class ReplyStream implements AsyncIterableIterator<ModelPart[], void, undefined> {
  private reader: PartReader | undefined;
  private failure: LlmError | undefined;
  private ended = false;

  constructor(
    private readonly open: () => Promise<PartReader>,
    private readonly signal: AbortSignal,
  ) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<ModelPart[], void>> {
    const parts: ModelPart[] = [];
    while (!this.ended && !parts.length) {
      try {
        this.reader ??= await this.open();
        if (await this.reader.read(parts)) this.end();
        this.signal.throwIfAborted();
      } catch (error) {
        this.fail(error);
      }
    }
    if (parts.length) return { value: parts, done: false };
    // What came before it has been taken.
    if (this.failure) throw this.failure;
    return { value: undefined, done: true };
  }

  async return(): Promise<IteratorResult<ModelPart[], void>> {
    this.end();
    return { value: undefined, done: true };
  }

  private fail(error: unknown): void {
    this.end();
    this.signal.throwIfAborted();
    if (!(error instanceof LlmError)) throw error;
    this.failure = error;
  }

  private end(): void {
    this.ended = true;
    this.reader?.close();
    this.reader = undefined;
  }
}
