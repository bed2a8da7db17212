import type { LlmConfig } from '../config/app-config';
import { thinksSilently } from '../config/model-defaults';
import type { ModelSettings } from '../config/models-config';
import type { ModelMessage, ModelPart, PartsListener } from './llm-client';
import type { LlmClients } from './llm-clients';
import { isLoading, LlmError } from './llm-error';
import type { CatalogueEntry, ModelCatalogue } from './model-catalogue';
import { pause } from './pause';
import { type Asking, Attempt, type AttemptListener } from './run/attempt';
import type { CircuitBreakers } from './run/circuit-breakers';
import { MaxLength } from './run/max-length';
import { backoffMs, isWorthRetrying, mayFallBack } from './run/retry-policy';
import { RunDeadline } from './run/run-deadline';

/** For the first word of a model that thinks before it, unless its provider has a limit of its own. */
const SILENT_THOUGHT_MS = 600_000;

export interface RunRequest {
  /** `ModelConfig.id` */
  modelId: string;
  /** What it stands for, if it is not of the catalogue. */
  targets?: CatalogueEntry[];
  messages: ModelMessage[];
  settings: ModelSettings;
}

export type RunLimits = Pick<
  LlmConfig,
  'firstEventTimeoutMs' | 'idleTimeoutMs' | 'totalTimeoutMs' | 'maxRetries' | 'maxReplyChars'
>;

/** Hears of one reply. */
export interface ReplyListener {
  /** The reply as it arrives; the last part is its `finish`. */
  onParts: PartsListener;
  /** Every try, as it ends. */
  onAttempt: AttemptListener;
}

/**
 * Gets one reply from a model, or from another one that may stand in for it. The only place that tries again, and only
 * as long as nothing was handed on: after that a failure ends the reply.
 */
export class ModelRunner {
  constructor(
    private readonly catalogue: ModelCatalogue,
    private readonly clients: LlmClients,
    private readonly breakers: CircuitBreakers,
    private readonly limits: RunLimits,
  ) {}

  /**
   * Settles with the reply's end.
   * @throws {LlmError} if the reply fails; `signal.reason` if the signal aborts; what the listener throws
   */
  async run(request: RunRequest, signal: AbortSignal, listener: ReplyListener): Promise<void> {
    const scope = new RunDeadline(signal, this.limits.totalTimeoutMs, listener.onAttempt);
    const limit = new MaxLength(this.limits.maxReplyChars);
    try {
      await this.withFallback(request, scope, (parts) => limit.check(parts, listener.onParts));
    } finally {
      scope.close();
    }
  }

  /** The first model that begins a reply. If none does, the failure of the one that was asked for counts. */
  private async withFallback(
    request: RunRequest,
    scope: RunDeadline,
    listener: PartsListener,
  ): Promise<void> {
    const targets = request.targets ?? this.catalogue.candidates(request.modelId);
    let failure: unknown;
    for (const [index, target] of targets.entries()) {
      try {
        return await this.withRetry(target, request, scope, listener);
      } catch (error) {
        scope.throwIfOver();
        if (index === 0) failure = error;
        if (scope.begun || !mayFallBack(error)) throw error;
      }
    }
    throw failure ?? new LlmError('provider_model_not_found');
  }

  private async withRetry(
    target: CatalogueEntry,
    request: RunRequest,
    scope: RunDeadline,
    listener: PartsListener,
  ): Promise<void> {
    const began = performance.now();
    const { firstEventMs } = this.patience(target);
    for (let retry = 0; ; retry++) {
      try {
        return await this.attempt(target, request, scope, listener);
      } catch (error) {
        scope.throwIfOver();
        if (scope.begun || !isWorthRetrying(error)) throw error;
        const isWaitedFor = isLoading(error) && performance.now() - began < firstEventMs;
        if (retry >= this.limits.maxRetries && !isWaitedFor) throw error;
        await pause(backoffMs(error, retry), scope.begin().signal);
      }
    }
  }

  private async attempt(
    target: CatalogueEntry,
    { messages, settings }: RunRequest,
    scope: RunDeadline,
    listener: PartsListener,
  ): Promise<void> {
    const breaker = this.breakers.of(target.provider);
    breaker.enter();
    const attempt = this.newAttempt(target, scope);
    const client = this.clients.for(target.provider);
    const ask: Asking = (signal, take, onHead) =>
      client.stream({ ...target, messages, settings, onHead }, signal, take);
    const take = (parts: ModelPart[]) => {
      if (!scope.begun) breaker.settle('ok');
      scope.begun = true;
      return listener(parts);
    };
    try {
      await attempt.run(ask, take);
    } catch (error) {
      if (!scope.begun) breaker.settle(error instanceof LlmError ? error : undefined);
      throw error;
    }
  }

  private newAttempt(target: CatalogueEntry, scope: RunDeadline): Attempt {
    return new Attempt(target, {
      controller: scope.begin(),
      listener: scope.onAttempt,
      number: scope.countTry(target.model.id),
      patience: this.patience(target),
    });
  }

  private patience({ provider, model }: CatalogueEntry) {
    const { firstEventTimeoutMs } = this.limits;
    const usual = thinksSilently(model.name)
      ? Math.max(SILENT_THOUGHT_MS, firstEventTimeoutMs)
      : firstEventTimeoutMs;
    return {
      firstEventMs: provider.firstEventTimeoutMs ?? usual,
      idleMs: provider.idleTimeoutMs ?? this.limits.idleTimeoutMs,
    };
  }
}
