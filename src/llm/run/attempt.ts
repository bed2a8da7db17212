import type { CatalogueEntry } from '../model-catalogue';
import { type ModelPart } from '../llm-client';
import { LlmError, type LlmErrorCode } from '../llm-error';
import { type Patience, Watchdog } from './watchdog';

/** One try to get a reply from one model, for the record. The last one with `ok` names who answered. */
export interface ModelAttempt {
  /** `ProviderConfig.name` */
  provider: string;
  /** `ModelConfig.id` */
  model: string;
  /** `aborted`: our side gave up. `internal_error`: a fault of ours. */
  outcome: 'ok' | 'aborted' | 'internal_error' | LlmErrorCode;
  /** ISO 8601 */
  started_at: string;
  first_event_ms: number | null;
  duration_ms: number;
}

export type AttemptListener = (attempt: ModelAttempt) => void;

/** Opens the provider's stream for one attempt. */
export type Opener = (signal: AbortSignal) => AsyncIterable<ModelPart[]>;

/** Follows one stream of one provider: watches it, times it, and reports it once when it has ended. */
export class Attempt {
  private readonly startedAt = new Date();
  private readonly start = performance.now();
  private readonly watchdog: Watchdog;
  private readonly stream: AsyncIterator<ModelPart[]>;
  private firstEventMs: number | null = null;
  private outcome: ModelAttempt['outcome'] | undefined;

  constructor(
    private readonly target: CatalogueEntry,
    open: Opener,
    private readonly scope: { controller: AbortController; patience: Patience; listener: AttemptListener },
  ) {
    const { controller, patience } = scope;
    this.watchdog = new Watchdog(patience, (reason) => controller.abort(reason));
    this.stream = open(controller.signal)[Symbol.asyncIterator]();
  }

  /**
   * The next parts, or undefined after `finish`.
   * @throws {LlmError} or the reason for which the controller was aborted
   */
  async next(): Promise<ModelPart[] | undefined> {
    if (this.outcome === 'ok') return undefined;
    this.watchdog.wait();
    try {
      const { value, done } = await this.stream.next();
      if (done) throw new LlmError('upstream_incomplete');
      this.receive(value);
      return value;
    } catch (error) {
      throw this.fail(error);
    }
  }

  /** The reply is longer than we keep. */
  exceed(): LlmError {
    const error = new LlmError('max_output');
    this.settle(error.code);
    return error;
  }

  /** Ends the provider's stream if it has not ended, and with it the attempt. */
  async close(): Promise<void> {
    this.settle('aborted');
    await this.stream.return?.();
  }

  private receive(parts: ModelPart[]): void {
    this.watchdog.feed();
    this.firstEventMs ??= this.elapsed();
    if (parts.at(-1)?.type === 'finish') this.settle('ok');
  }

  private fail(error: unknown): unknown {
    // Whatever an aborted stream throws, the reason is why it ended.
    const { aborted, reason } = this.scope.controller.signal;
    const cause: unknown = aborted ? reason : error;
    if (cause instanceof LlmError) this.settle(cause.code);
    else this.settle(aborted ? 'aborted' : 'internal_error');
    return cause;
  }

  private settle(outcome: ModelAttempt['outcome']): void {
    if (this.outcome) return;
    this.outcome = outcome;
    this.watchdog.stop();
    this.scope.listener({
      provider: this.target.provider.name,
      model: this.target.model.id,
      outcome,
      started_at: this.startedAt.toISOString(),
      first_event_ms: this.firstEventMs,
      duration_ms: this.elapsed(),
    });
  }

  private elapsed(): number {
    return Math.round(performance.now() - this.start);
  }
}
