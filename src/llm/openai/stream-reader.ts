import type { ModelPart } from '../llm-client';
import { LlmError } from '../llm-error';
import { chunkError } from './chunk';
import { ChunkFrame } from './chunk-frame';
import { EventStreamDecoder, EventTooLongError, type ProviderEvent } from './event-stream';
import { networkCode, reportedFailure } from './provider-failure';
import type { ReplyNormaliser } from './reply-normaliser';
import type { PartReader } from './reply-stream';
import type { Scrubber } from './scrubber';
import type { ResponseBody } from './response-body';
import { within } from './within';

/** How long usage and `[DONE]` may take once the model has ended: some servers send neither and stay open. */
const FINISH_GRACE_MS = 2000;

/** How long a response that is complete may take to end, so that its connection can be used again. */
const DRAIN_MS = 250;

/** Reads one reply from a response body: bytes in, parts out. */
export class StreamReader implements PartReader {
  private readonly decoder = new EventStreamDecoder();
  private readonly frame = new ChunkFrame();
  private complete = false;

  constructor(
    private readonly body: ResponseBody,
    private readonly normaliser: ReplyNormaliser,
    private readonly scrub: Scrubber,
  ) {}

  /** What was held back comes before a failure, too. */
  async read(parts: ModelPart[]): Promise<boolean> {
    try {
      const bytes = await this.receive();
      const done = bytes ? this.take(this.decode(bytes, parts), parts) : this.takeLast(parts);
      if (!done) return false;
      this.normaliser.end(parts);
      this.complete = true;
      return true;
    } catch (error) {
      if (error instanceof LlmError) this.normaliser.flush(parts);
      throw error;
    }
  }

  /** Closes the connection, or gives it back if the response was complete and ends by itself. */
  close(): void {
    void this.release().catch(() => undefined);
  }

  /** Undefined at the end of the stream. */
  private receive(): Promise<Uint8Array | undefined> {
    const next = this.body.next();
    return this.normaliser.finished ? within(FINISH_GRACE_MS, next) : next;
  }

  private decode(bytes: Uint8Array, parts: ModelPart[]): ProviderEvent[] {
    try {
      return this.decoder.push(bytes, (text) => this.takeFramed(text, parts));
    } catch (error) {
      if (!(error instanceof EventTooLongError)) throw error;
      throw new LlmError('provider_invalid_response', {
        retryable: false,
        detail: { reason: 'event_too_long' },
      });
    }
  }

  /** Events of the known frame, for as long as they follow each other. */
  private takeFramed(stream: string, parts: ModelPart[]): number {
    let at = 0;
    for (let text = this.frame.textAt(stream, at); text !== undefined; text = this.frame.textAt(stream, at)) {
      this.normaliser.pushText(text, parts);
      at += this.frame.size + text.length;
    }
    return at;
  }

  /** @returns whether `[DONE]` was among the events; what follows it is ignored */
  private take(events: ProviderEvent[], parts: ModelPart[]): boolean {
    for (const event of events) {
      if (event.data.trim() === '[DONE]') return true;
      this.takeEvent(event, parseJson(event.data), parts);
    }
    return false;
  }

  /** The last event may lack its blank line, or be cut in the middle. */
  private takeLast(parts: ModelPart[]): true {
    const { broken } = this.body;
    // Once the model has ended, nothing but the usage can be missing.
    if (broken !== undefined && !this.normaliser.finished) throw this.normaliser.cut(networkCode(broken));
    const last = this.decoder.end();
    const json = last && parseJson(last.data);
    if (last && json !== undefined) this.takeEvent(last, json, parts);
    return true;
  }

  private takeEvent({ event, data }: ProviderEvent, json: unknown, parts: ModelPart[]): void {
    if (data.trim() === '') return;
    const error = chunkError(json) ?? (event === 'error' ? (json ?? data) : undefined);
    if (error !== undefined) throw reportedFailure(error, this.scrub);
    if (json === undefined)
      throw new LlmError('provider_invalid_response', { detail: { reason: 'malformed_json' } });
    this.frame.learn(data);
    this.normaliser.push(json, parts);
  }

  private async release(): Promise<void> {
    if (this.complete) await within(DRAIN_MS, this.drain());
    this.body.cancel();
  }

  private async drain(): Promise<void> {
    let size = 0;
    for (let chunk = await this.body.next(); chunk && size < 64 * 1024; chunk = await this.body.next()) {
      size += chunk.length;
    }
  }
}

/** Undefined for what is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
