import type { CatalogueEntry } from '../model-catalogue';
import type { ModelPart, PartsListener } from '../llm-client';
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
  /** The provider's own word on why the model ended; null if it gave none, and the end is assumed. Absent if there was no end. */
  finish_word?: string | null;
}

export type AttemptListener = (attempt: ModelAttempt) => void;

/** Has one client stream a reply to a listener. */
type Asking = (signal: AbortSignal, listener: PartsListener) => Promise<void>;

/** Follows one stream of one provider: watches it, times it, and reports it once when it has ended. */
export class Attempt {
  private readonly startedAt = new Date();
  private readonly start = performance.now();
  private readonly watchdog: Watchdog;
  private firstEventMs: number | null = null;
  private outcome: ModelAttempt['outcome'] | undefined;
  private finishWord: string | null | undefined;

  constructor(
    private readonly target: CatalogueEntry,
    private readonly scope: { controller: AbortController; patience: Patience; listener: AttemptListener },
  ) {
    const { controller, patience } = scope;
    this.watchdog = new Watchdog(patience, (reason) => controller.abort(reason));
  }

  /**
   * Settles with the reply's end.
   * @throws {LlmError}, the reason for which the controller was aborted, or what the listener throws
   */
  async run(ask: Asking, listener: PartsListener): Promise<void> {
    try {
      this.watchdog.wait();
      await ask(this.scope.controller.signal, (parts) => this.take(parts, listener));
      if (this.outcome !== 'ok') throw new LlmError('upstream_incomplete');
    } catch (error) {
      throw this.fail(error);
    }
  }

  private take(parts: ModelPart[], listener: PartsListener): Promise<void> | undefined {
    this.watchdog.feed();
    const last = parts.at(-1);
    if (!last) {
      this.watchdog.wait();
      return undefined;
    }
    this.firstEventMs ??= this.elapsed();
    if (last.type === 'finish') {
      this.finishWord = last.word;
      this.settle('ok');
    }
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

  /** It is the listener that cannot go on. */
  private giveUp(error: unknown): unknown {
    this.settle(error instanceof LlmError ? error.code : 'aborted');
    return error;
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
      ...(this.finishWord !== undefined && { finish_word: this.finishWord }),
    });
  }

  private elapsed(): number {
    return Math.round(performance.now() - this.start);
  }
}
