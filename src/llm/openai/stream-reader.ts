import type { ModelEnd, ModelPart, PartsListener } from '../llm-client';
import { LlmError } from '../llm-error';
import { chunkError, isSignOfLife } from './chunk';
import { ChunkFrame } from './chunk-frame';
import { EventStreamDecoder, EventTooLongError, type EventSink, type ProviderEvent } from './sse-decoder';
import { networkCode, reportedFailure } from './provider-failure';
import { parseJson } from './provider-json';
import type { ReplyNormaliser } from './reply-normaliser';
import type { BodySink, ResponseBody } from './response-body';
import type { Scrubber } from './scrubber';
import { beyond, type StreamBudget } from './stream-budget';

/** Silence after which a model that has ended says no more: some servers neither send `[DONE]` nor close. */
const FINISH_GRACE_MS = 5_000;
/** The same while its usage has not come, which some send late. */
const USAGE_GRACE_MS = 15_000;
/** How long a response that is complete may take to end, so that its connection can be used again. */
const DRAIN_MS = 250;

/**
 * Reads one reply from a response body: bytes in, parts out. All that comes in one piece goes out as one batch, in the same turn of the
 * event loop.
 */
export class StreamReader implements BodySink, EventSink {
  private readonly decoder: EventStreamDecoder;
  private readonly frame = new ChunkFrame();
  private readonly over = Promise.withResolvers<ModelEnd>();
  private parts: ModelPart[] = [];
  /** `[DONE]` was there, or whatever else ends a reply. What follows is ignored. */
  private complete = false;
  /** How the model has ended, once the reply is complete. */
  private result: ModelEnd | undefined;
  /** Nothing more comes of the body. */
  private ended = false;
  private timer: NodeJS.Timeout | undefined;
  /** The last bytes had something of the reply, and not only signs that the connection is alive. */
  private heard = false;

  constructor(
    private readonly body: ResponseBody,
    private readonly normaliser: ReplyNormaliser,
    private readonly scrub: Scrubber,
    private readonly listener: PartsListener,
    private readonly budget: StreamBudget,
  ) {
    this.decoder = new EventStreamDecoder(budget.eventBytes);
  }

  /**
   * Resolves to the reply's end when all of it has been taken; what was held back comes before a failure, too.
   * @throws {LlmError}, and what the listener throws
   */
  read(): Promise<ModelEnd> {
    this.body.pipe(this);
    return this.over.promise;
  }

  /** For the body. */
  take(bytes: Buffer, cost: number): Promise<void> | undefined {
    if (this.complete) return undefined;
    return this.handOn(() => this.decode(bytes, cost));
  }

  /** For the body. */
  end(broken: unknown): void {
    this.ended = true;
    clearTimeout(this.timer);
    if (!this.complete) void this.handOn(() => this.takeLast(broken));
  }

  /** For the decoder. */
  onEvent(event: ProviderEvent, lines: number): void {
    if (this.complete) return;
    if (event.data.trim() === '[DONE]') {
      this.finish(true);
      return;
    }
    const { length } = this.normaliser;
    this.takeChunk(event, parseJson(event.data));
    if (this.normaliser.length === length) this.budget.skip(lines);
  }

  /** For the decoder. */
  skip(lines: number): void {
    if (!this.complete) this.budget.skip(lines);
  }

  /** For the decoder: events of the known frame, for as long as they follow each other. */
  takeWhole(bytes: Buffer, from: number): number {
    if (this.complete) return from;
    let at = from;
    for (let event = this.frame.textAt(bytes, at); event; event = this.frame.textAt(bytes, at)) {
      this.heard = true;
      this.normaliser.pushText(event.text, this.parts);
      at = event.end;
    }
    return at;
  }

  /** Hands on what `read` brings, also before a failure, and then settles if that was the end of the reply. */
  private handOn(read: () => void): Promise<void> | undefined {
    let failure: { error: unknown } | undefined;
    this.heard = false;
    try {
      read();
    } catch (thrown) {
      const error = thrown instanceof EventTooLongError ? beyond('event_too_long') : thrown;
      if (error instanceof LlmError) {
        this.normaliser.flush(this.parts);
        error.usage = this.normaliser.usage;
      }
      failure = { error };
      this.complete = true;
    }
    const { parts } = this;
    this.parts = [];
    try {
      const taken = parts.length || this.heard ? this.listener(parts) : undefined;
      if (taken) return taken.then(() => this.settle(failure)).catch((error: unknown) => this.fail(error));
    } catch (error) {
      failure = { error };
      this.complete = true;
    }
    this.settle(failure);
    return undefined;
  }

  private settle(failure: { error: unknown } | undefined): void {
    if (failure) this.fail(failure.error);
    else if (this.result) this.succeed(this.result);
    else if (this.heard) this.waitForMore();
  }

  private waitForMore(): void {
    clearTimeout(this.timer);
    const { finished, usage } = this.normaliser;
    if (finished) this.timer = setTimeout(() => this.giveUp(), usage ? FINISH_GRACE_MS : USAGE_GRACE_MS);
  }

  /** Nothing but the usage can be missing. */
  private giveUp(): void {
    void this.handOn(() => this.takeLast(undefined));
  }

  /** The connection can be used again if the response ends by itself. */
  private succeed(end: ModelEnd): void {
    clearTimeout(this.timer);
    this.budget.release();
    if (!this.ended) this.timer = setTimeout(() => this.body.cancel(), DRAIN_MS);
    this.over.resolve(end);
  }

  private fail(error: unknown): void {
    clearTimeout(this.timer);
    this.complete = true;
    this.budget.release();
    this.body.cancel();
    this.over.reject(error);
  }

  private decode(bytes: Buffer, cost: number): void {
    this.decoder.push(bytes, this);
    this.budget.spend(cost);
    this.budget.hold(this.decoder.held);
  }

  /** The last event may lack its blank line, or be cut in the middle. */
  private takeLast(broken: unknown): void {
    // Once the model has ended, nothing but the usage can be missing.
    if (broken !== undefined && !this.normaliser.finished) throw this.normaliser.cut(networkCode(broken));
    const last = this.decoder.end();
    const json = last && parseJson(last.data);
    if (last && json !== undefined) this.takeChunk(last, json);
    this.finish();
  }

  private finish(done = false): void {
    this.result = this.normaliser.end(this.parts, done);
    this.complete = true;
  }

  private takeChunk({ event, data }: ProviderEvent, json: unknown): void {
    if (data.trim() === '') return;
    const error = chunkError(json) ?? (event === 'error' ? (json ?? data) : undefined);
    if (error !== undefined) throw reportedFailure(error, this.scrub);
    if (json === undefined)
      throw new LlmError('provider_invalid_response', { detail: { reason: 'malformed_json' } });
    this.frame.learn(data);
    const { finished, usage } = this.normaliser;
    this.normaliser.push(json, this.parts);
    this.heard ||=
      isSignOfLife(json) || this.normaliser.finished !== finished || this.normaliser.usage !== usage;
  }
}
