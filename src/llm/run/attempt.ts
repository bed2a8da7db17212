import type { CatalogueEntry } from '../model-catalogue';
import type { AnswerHead, ModelEnd, ModelPart, PartsListener } from '../llm-client';
import { LlmError, type LlmErrorCode } from '../llm-error';
import { type StreamTimeouts, Watchdog } from './watchdog';

/** Record of one try to get a reply from one model. The last one with `ok` names the model that answered. */
export interface ModelAttempt {
  /** `ProviderConfig.name` */
  provider: string;
  /** `ModelConfig.id` */
  model: string;
  /** Number of the try at this model, from 1. */
  try: number;
  /** `aborted`: the service or the user ended it. `internal_error`: an error in the service. */
  outcome: 'ok' | 'aborted' | 'internal_error' | LlmErrorCode;
  /** Time in ISO 8601. */
  started_at: string;
  /** Time until the provider's answer began, even a refusal. Absent if none began, or the client uses no network. */
  first_byte_ms?: number;
  first_event_ms: number | null;
  duration_ms: number;
  /** HTTP status, or the one that the provider's answer reports. Absent if no answer began. */
  status?: number;
  /** The provider's, the network's or our own code of a failure. */
  provider_code?: string;
  /** The provider's own id of the request. */
  request_id?: string;
  /** The provider's own word on why the model ended; null if it gave none, and the end is assumed. Absent if there was no end. */
  finish_word?: string | null;
}

/** Called when a try has ended. `failure`: the error of a failed call, which alone has the provider's text. */
export type AttemptListener = (attempt: ModelAttempt, failure?: LlmError) => void;

/** Streams a reply from one client to a listener. */
export type StreamReply = (
  signal: AbortSignal,
  listener: PartsListener,
  onHead: (head: AnswerHead) => void,
) => Promise<ModelEnd>;

interface AttemptScope {
  controller: AbortController;
  timeouts: StreamTimeouts;
  /** Number of the try at this model, from 1. */
  number: number;
  listener: AttemptListener;
}

/** One try: watches the stream for silence, measures it, and reports it once when it has ended. */
export class Attempt {
  private readonly startedAt = new Date();
  private readonly start = performance.now();
  private readonly watchdog: Watchdog;
  private head: AnswerHead | undefined;
  private firstByteMs: number | undefined;
  private firstEventMs: number | null = null;
  private outcome: ModelAttempt['outcome'] | undefined;
  private finishWord: string | null | undefined;

  constructor(
    private readonly target: CatalogueEntry,
    private readonly scope: AttemptScope,
  ) {
    const { controller, timeouts } = scope;
    this.watchdog = new Watchdog(timeouts, (reason) => controller.abort(reason));
  }

  /**
   * Runs the try. Resolves to the reply's end, after the try has been reported.
   * @throws {LlmError}, the reason for which the controller was aborted, or what the listener throws
   */
  async run(ask: StreamReply, listener: PartsListener): Promise<ModelEnd> {
    try {
      this.watchdog.wait();
      const end = await ask(
        this.scope.controller.signal,
        (parts) => this.take(parts, listener),
        (head) => this.begin(head),
      );
      this.firstEventMs ??= this.elapsed();
      this.finishWord = end.word;
      this.settle('ok');
      return end;
    } catch (error) {
      throw this.fail(error);
    }
  }

  private begin(head: AnswerHead): void {
    this.head = head;
    this.firstByteMs = this.elapsed();
  }

  private take(parts: ModelPart[], listener: PartsListener): Promise<void> | undefined {
    this.watchdog.feed();
    if (!parts.length) {
      this.watchdog.wait();
      return undefined;
    }
    this.firstEventMs ??= this.elapsed();
    try {
      const taken = listener(parts);
      if (taken) return this.waitFor(taken);
    } catch (error) {
      throw this.giveUp(error);
    }
    this.watchdog.wait();
    return undefined;
  }

  private async waitFor(taken: Promise<void>): Promise<void> {
    try {
      await taken;
    } catch (error) {
      throw this.giveUp(error);
    }
    this.watchdog.wait();
  }

  /** Reports a failure of the listener, not of the provider. */
  private giveUp(error: unknown): unknown {
    this.settle(error instanceof LlmError ? error : 'aborted');
    return error;
  }

  private fail(error: unknown): unknown {
    // An aborted stream may throw any error: the reason of the abort is the actual cause.
    const { aborted, reason } = this.scope.controller.signal;
    const cause: unknown = aborted ? reason : error;
    if (cause instanceof LlmError) this.settle(cause);
    else this.settle(aborted ? 'aborted' : 'internal_error');
    return cause;
  }

  private settle(end: LlmError | 'ok' | 'aborted' | 'internal_error'): void {
    if (this.outcome) return;
    const failure = end instanceof LlmError ? end : undefined;
    this.outcome = failure ? failure.code : (end as Exclude<typeof end, LlmError>);
    this.watchdog.stop();
    this.scope.listener(this.record(this.outcome, failure), failure);
  }

  private record(outcome: ModelAttempt['outcome'], failure: LlmError | undefined): ModelAttempt {
    const { status, reason, request_id } = failure?.detail ?? {
      status: this.head?.status,
      request_id: this.head?.requestId,
    };
    return {
      provider: this.target.provider.name,
      model: this.target.model.id,
      try: this.scope.number,
      outcome,
      started_at: this.startedAt.toISOString(),
      ...(this.firstByteMs !== undefined && { first_byte_ms: this.firstByteMs }),
      first_event_ms: this.firstEventMs,
      duration_ms: this.elapsed(),
      ...(status !== undefined && { status }),
      ...(reason !== undefined && { provider_code: reason }),
      ...(request_id !== undefined && { request_id }),
      ...(this.finishWord !== undefined && { finish_word: this.finishWord }),
    };
  }

  private elapsed(): number {
    return Math.round(performance.now() - this.start);
  }
}
