import type { LlmConfig } from '../config/app-config';
import type { ModelSettings, ProviderConfig } from '../config/models-config';
import type { ModelMessage, ModelPart } from './llm-client';
import type { LlmClients } from './llm-clients';
import { LlmError } from './llm-error';
import type { CatalogueEntry, ModelCatalogue } from './model-catalogue';
import { pause } from './pause';
import { Attempt, type AttemptListener } from './run/attempt';
import type { CircuitBreakers } from './run/circuit-breakers';
import { ReplyLimit } from './run/reply-limit';
import { backoffMs, isWorthRetrying, mayFallBack } from './run/retry-policy';
import { RunScope } from './run/run-scope';

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

/** Hears of one reply. Called rather than iterated over, which would cost every token several turns of the microtask queue. */
export interface ReplyListener {
  /** The reply as it arrives; the last part is its `finish`. More comes when what this answers has settled. */
  onParts: (parts: ModelPart[]) => Promise<void> | undefined;
  /** Every try, as it ends. */
  onAttempt: AttemptListener;
}

interface OpenReply {
  attempt: Attempt;
  first: ModelPart[];
}

/**
 * Gets one reply from a model, or from another one that may stand in for it. The only place that tries again, and only
 * as long as nothing was yielded: after that a failure ends the reply.
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
    const scope = new RunScope(signal, this.limits.totalTimeoutMs, listener.onAttempt);
    const limit = new ReplyLimit(this.limits.maxReplyChars);
    let attempt: Attempt | undefined;
    try {
      const reply = await this.openAny(request, scope);
      attempt = reply.attempt;
      for (let batch: ModelPart[] | undefined = reply.first; batch; batch = await attempt.next()) {
        const { parts, exceeded } = limit.take(batch);
        const taken = parts.length ? listener.onParts(parts) : undefined;
        if (taken) await taken;
        if (exceeded) throw attempt.exceed();
      }
    } finally {
      scope.close();
      await attempt?.close();
    }
  }

  /** The reply of the first model that begins one. If none does, the failure of the one that was asked for counts. */
  private async openAny(request: RunRequest, scope: RunScope): Promise<OpenReply> {
    const targets = request.targets ?? this.catalogue.candidates(request.modelId);
    let failure: unknown;
    for (const [index, target] of targets.entries()) {
      try {
        return await this.openOne(target, request, scope);
      } catch (error) {
        scope.throwIfOver();
        if (index === 0) failure = error;
        if (!mayFallBack(error)) throw error;
      }
    }
    throw failure ?? new LlmError('provider_model_not_found');
  }

  private async openOne(target: CatalogueEntry, request: RunRequest, scope: RunScope): Promise<OpenReply> {
    for (let retry = 0; ; retry++) {
      try {
        return await this.tryOnce(target, request, scope);
      } catch (error) {
        scope.throwIfOver();
        if (retry >= this.limits.maxRetries || !isWorthRetrying(error)) throw error;
        await pause(backoffMs(error, retry), scope.begin().signal);
      }
    }
  }

  private async tryOnce(target: CatalogueEntry, request: RunRequest, scope: RunScope): Promise<OpenReply> {
    const breaker = this.breakers.of(target.provider);
    breaker.enter();
    const attempt = this.attempt(target, request, scope);
    try {
      const first = await attempt.next();
      breaker.settle('ok');
      return { attempt, first: first ?? [] };
    } catch (error) {
      breaker.settle(error instanceof LlmError ? error : undefined);
      throw error;
    }
  }

  private attempt(target: CatalogueEntry, request: RunRequest, scope: RunScope): Attempt {
    const { provider } = target;
    const { messages, settings } = request;
    const client = this.clients.for(provider);
    return new Attempt(target, (signal) => client.stream({ ...target, messages, settings }, signal), {
      controller: scope.begin(),
      listener: scope.onAttempt,
      patience: this.patience(provider),
    });
  }

  private patience(provider: ProviderConfig) {
    return {
      firstEventMs: provider.firstEventTimeoutMs ?? this.limits.firstEventTimeoutMs,
      idleMs: provider.idleTimeoutMs ?? this.limits.idleTimeoutMs,
    };
  }
}
